//! A device behind a real file descriptor.

use std::future::poll_fn;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

use super::*;
use crate::runtime::tests::{burst, run};
use crate::wire::Packet;

/// A device behind a descriptor: one datagram is one packet.
struct Datagrams {
    socket: UnixDatagram,
}

impl Datagrams {
    fn pair() -> (Datagrams, UnixDatagram) {
        let (socket, peer) = UnixDatagram::pair().unwrap();
        for socket in [&socket, &peer] {
            socket.set_nonblocking(true).unwrap();
        }
        (Datagrams { socket }, peer)
    }
}

impl AsFd for Datagrams {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Device for Datagrams {
    fn mtu(&self) -> u16 {
        1500
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        let mut buf = [0; 1500];
        for count in 0..max {
            match self.socket.recv(&mut buf) {
                Ok(len) => rx.push_back(Packet::new(buf[..len].to_vec().into())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(count),
                Err(error) => return Err(error),
            }
        }
        Ok(max)
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        while let Some(packet) = packets.front() {
            match self.socket.send(packet) {
                Ok(_) => drop(packets.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[test]
fn a_device_is_readable_until_it_was_drained() {
    run(async {
        let (device, peer) = Datagrams::pair();
        let mut device = FdDevice::new(device).unwrap();
        let mut rx = RxBatch::new();
        for _ in 0..3 {
            for number in 0..5 {
                peer.send(&[number]).unwrap();
            }
            // Not drained: ready again at once, with no new datagram.
            poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 4);
            poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 1);
            // Drained: no longer ready, until the next arrives; it is found without waiting, too.
            let ready = poll_fn(|cx| Poll::Ready(device.poll_readable(cx).is_ready())).await;
            assert!(!ready);
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 0);
            peer.send(&[5]).unwrap();
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 1);
        }
        assert_eq!(rx.len(), 18);
    });
}

#[test]
fn a_full_device_says_when_there_is_room() {
    run(async {
        let (device, peer) = Datagrams::pair();
        let mut device = FdDevice::new(device).unwrap();
        let mut tx: TxBatch = (0..=255).cycle().take(5000).map(burst).collect();
        let mut received = 0;
        while received < 5000 {
            poll_fn(|cx| device.poll_writable(cx)).await.unwrap();
            let before = tx.len();
            device.send(&mut tx).unwrap();
            assert!(tx.len() < before || before == 0);
            while peer.recv(&mut [0; 64]).is_ok() {
                received += 1;
            }
        }
        assert!(tx.is_empty());
    });
}

#[test]
fn a_device_that_was_busy_is_waited_for_again() {
    run(async {
        let (device, peer) = Datagrams::pair();
        let mut device = FdDevice::new(device).unwrap();
        let mut rx = RxBatch::new();
        for _ in 0..3 {
            // Many batches that nobody waits for, more than make a device count as busy: none is lost.
            rx.clear();
            for number in 0..2 * BUSY {
                peer.send(&number.to_be_bytes()).unwrap();
                device.receive(&mut rx, 4).unwrap();
            }
            assert!(device.reading.get().is_none(), "it is off epoll");
            while device.receive(&mut rx, 4).unwrap() > 0 {}
            assert_eq!(rx.len() as u32, 2 * BUSY);
            // What arrives before anybody waits counts, and so does what arrives after.
            peer.send(&[1]).unwrap();
            poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 1);
            let ready = poll_fn(|cx| Poll::Ready(device.poll_readable(cx).is_ready())).await;
            assert!(!ready);
            peer.send(&[2]).unwrap();
            poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 1);
        }
    });
}

#[test]
fn a_dialogue_does_not_make_a_device_busy() {
    run(async {
        let (device, peer) = Datagrams::pair();
        let mut device = FdDevice::new(device).unwrap();
        let mut rx = RxBatch::new();
        for _ in 0..2 * BUSY {
            peer.send(&[1]).unwrap();
            assert_eq!(device.receive(&mut rx, 1).unwrap(), 1);
        }
        assert!(device.reading.get().is_some());
    });
}

#[test]
fn a_device_is_waited_for_again_when_no_descriptor_is_left() {
    run(async {
        let (device, peer) = Datagrams::pair();
        let mut device = FdDevice::new(device).unwrap();
        let own = device.reading.get().unwrap().get_ref().as_raw_fd();
        for _ in 0..BUSY {
            device.receive(&mut RxBatch::new(), 4).unwrap();
        }
        assert!(device.reading.get().is_none());
        peer.send(&[1]).unwrap();
        poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
        assert_eq!(
            device.reading.get().unwrap().get_ref().as_raw_fd(),
            own,
            "no new one is needed"
        );
    });
}

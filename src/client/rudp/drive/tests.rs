use tokio::task::JoinSet;

use super::*;
use crate::client::Sockets;
use crate::client::tests::stacks;

/// Both over sockets of the kernel.
async fn transfer(
    target: &Target,
    text: &[u8],
    to: u16,
) -> (Result<Sent, SendError>, Vec<Arrival>) {
    let listening = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let port = if to == 0 { listening.local_addr().expect("it is bound").port() } else { to };
    let sending = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let linger = Duration::from_millis(1);
    let receiving = receiver::Config { linger, ..receiver::Config::default() };
    let config =
        sender::Config { rto: Duration::from_millis(20), tries: 20, ..sender::Config::default() };
    let mut arrivals = Vec::new();
    let to = ([127, 0, 0, 1], port).into();
    let receiving = receive(&listening, target, receiving, |arrival| {
        let last = matches!(arrival, Arrival::Gone { .. });
        arrivals.push(arrival);
        last
    });
    let sending = send(&sending, to, text, (config, 100), |_| {});
    let sent = tokio::select! {
        sent = async { tokio::join!(sending, receiving).0 } => sent,
        // A receiver to which nobody sends does not end.
        () = sleep(Duration::from_secs(20)) => panic!("it does not end"),
    };
    (sent, arrivals)
}

#[tokio::test]
async fn a_file_goes_from_socket_to_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::File(folder.path().join("file"));
    for len in [0, 1, 99, 100, 101, 200, 5000] {
        let text: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let (sent, arrivals) = transfer(&target, &text, 0).await;
        let sent = sent.expect("it arrives");
        assert_eq!(sent.counts.bytes, len);
        let whole = arrivals.iter().find_map(|arrival| match arrival {
            Arrival::Whole { path, sha256, .. } => Some((path.clone(), sha256.clone())),
            _ => None,
        });
        let (path, sha256) = whole.expect("it is whole");
        assert_eq!((std::fs::read(path).expect("it is there"), sha256), (text, sent.sha256));
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_a_sentence() {
    let sending = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let silent = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let port = silent.local_addr().expect("it is bound").port();
    let config = sender::Config { rto: Duration::from_millis(1), tries: 3, ..Default::default() };
    let to = ([127, 0, 0, 1], port).into();
    let sent = send(&sending, to, &b"text"[..], (config, 100), |_| {}).await;
    let error = sent.expect_err("nobody answers").to_string();
    assert!(error.contains("has never answered (8 packets sent)"), "{error}");
    assert!(error.contains(&port.to_string()) && !error.contains('\n'), "{error}");
}

/// Reading it must hold up neither what is ready nor the timer.
#[tokio::test]
async fn a_pipe_that_has_nothing_for_long_stops_nothing() {
    let sending = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let listening = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let port = listening.local_addr().expect("it is bound").port();
    let (mut writing, pipe) = tokio::io::duplex(1000);
    tokio::io::AsyncWriteExt::write_all(&mut writing, &[7; 250]).await.expect("there is room");
    let config = sender::Config { rto: Duration::from_millis(1), ..Default::default() };
    let to = ([127, 0, 0, 1], port).into();
    let twice = async {
        let (mut buffer, mut starts) = (vec![0; MAX_PACKET], 0);
        while starts < 2 {
            let (len, _) = listening.recv_from(&mut buffer).await.expect("a packet");
            starts += u32::from(buffer[..len].starts_with(b"start|"));
        }
    };
    tokio::select! {
        sent = send(&sending, to, pipe, (config, 100), |_| {}) => panic!("{sent:?}"),
        () = twice => {}
        () = sleep(Duration::from_secs(20)) => panic!("nothing goes"),
    }
}

#[test]
fn answers_that_cannot_be_read_are_told() {
    let to = ([127, 0, 0, 1], 9).into();
    let said = |ended, corrupt, unsound, impossible| {
        let counts =
            sender::Counts { packets: 9, corrupt, unsound, impossible, ..Default::default() };
        SendError::Unfinished { to, ended, counts, notice: None }.to_string()
    };
    let silent = said(Ended::Silent, 3, 2, 0);
    let part =
        "(9 packets sent; of 3 answers that were of no use 2 had a wrong checksum, which is CRC-32";
    assert!(silent.contains(part) && silent.contains(", and 1 were neither ack|N"), "{silent}");
    let silent = said(Ended::Silent, 3, 0, 3);
    assert!(silent.contains("3 acknowledged what was never sent"), "{silent}");
    assert!(!silent.contains("CRC") && !silent.contains("neither"), "{silent}");
    let stuck = said(Ended::Stuck { at_end: false }, 3, 2, 1);
    assert!(stuck.contains("has stopped") && stuck.contains("2 had a wrong"), "{stuck}");
}

/// The network says so each time; and a receiver that is late is waited for.
#[tokio::test]
async fn a_receiver_that_cannot_be_reached_is_given_up_for_what_the_network_says() {
    let mut tasks = JoinSet::new();
    let (near, far) = stacks(&mut tasks);
    let near = Sockets::Stack(near);
    let sending = near.datagrams(0).await.expect("a socket");
    let to = ([10, 9, 0, 2], 5000).into();
    // So often that nobody would wait for the end.
    let rto = Duration::from_millis(20);
    let config = sender::Config { rto, tries: u32::MAX, ..Default::default() };
    let sent = send(&sending, to, &b"text"[..], (config, 100), |_| {}).await;
    let error = sent.expect_err("nobody is there").to_string();
    // How many packets is a matter of when the reports come.
    let sentence = " packets sent): port unreachable (10.9.0.2 says so): look";
    assert!(error.contains("has never answered (") && error.contains(sentence), "{error}");
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::File(folder.path().join("file"));
    let receiving = async {
        // The network has said once that nobody is there.
        let probe = near.datagrams(0).await.expect("a socket");
        probe.send_to(b"", to).await.expect("it can be sent");
        probe.recv_error().await.expect("a report");
        let socket = Sockets::Stack(far).datagrams(5000).await.expect("a socket");
        let config = receiver::Config::default();
        receive(&socket, &target, config, |_| false).await.expect("it works");
    };
    let config = sender::Config { rto: Duration::from_millis(200), ..config };
    tokio::select! {
        biased;
        sent = send(&sending, to, &b"text"[..], (config, 100), |_| {}) => {
            sent.expect("it arrives");
        }
        () = receiving => panic!("it ends"),
    }
}

/// Each is told once, however often its sender asks.
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::Folder(folder.path().join("nowhere"));
    let listening = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let sending = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let to = ([127, 0, 0, 1], listening.local_addr().expect("it is bound").port()).into();
    let config = sender::Config { rto: Duration::from_millis(5), tries: 5, ..Default::default() };
    let told = std::cell::Cell::new(0);
    let receiving = receive(&listening, &target, receiver::Config::default(), |arrival| {
        assert!(matches!(arrival, Arrival::Unwritten(..) | Arrival::Progress(_)), "{arrival:?}");
        told.set(told.get() + u32::from(matches!(arrival, Arrival::Unwritten(..))));
        false
    });
    tokio::select! {
        sent = send(&sending, to, &b"text"[..], (config, 100), |_| {}) => assert!(sent.is_err()),
        received = receiving => panic!("{received:?}"),
    }
    assert_eq!(told.get(), 1);
}

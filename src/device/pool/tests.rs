use std::thread;

use super::*;

const SIZE: usize = 1664;

fn read(len: usize, fill: u8) -> impl FnOnce(&mut [u8]) -> Result<usize, ()> {
    move |buffer| {
        buffer[..len].fill(fill);
        Ok(len)
    }
}

fn free(pool: &Pool) -> usize {
    pool.others.iter().filter(|buffer| buffer.is_unique()).count()
}

#[test]
fn size_has_room_beyond_the_mtu_in_whole_cache_lines() {
    assert_eq!(Pool::new(1500).buffer_size(), SIZE);
    assert_eq!(Pool::new(65535).buffer_size(), 65_664);
    assert_eq!(Pool::new(576).buffer_size(), 704);
}

#[test]
fn a_large_packet_is_the_buffer_and_comes_back() {
    let mut pool = Pool::with_limit(SIZE, 4);
    let before = pool.current.as_ptr();
    let packet = pool.receive(read(1500, 7)).unwrap();
    assert_eq!(packet, vec![7; 1500]);
    assert_eq!(packet.as_ptr(), before);
    assert_eq!(free(&pool), 2);
    drop(packet);
    assert_eq!(free(&pool), 3);
    // It is the first of those that are free.
    let _next = pool.receive(read(1500, 8)).unwrap();
    assert_eq!(pool.current.as_ptr(), before);
}

#[test]
fn a_small_packet_is_copied_and_its_buffer_used_again() {
    let mut pool = Pool::with_limit(SIZE, 4);
    let before = pool.current.as_ptr();
    let small = pool.receive(read(SIZE / 4 - 1, 1)).unwrap();
    assert_ne!(small.as_ptr(), before);
    assert_eq!(pool.current.as_ptr(), before);
    let large = pool.receive(read(SIZE / 4, 2)).unwrap();
    assert_eq!(large.as_ptr(), before);
    assert_eq!(small, vec![1; SIZE / 4 - 1]);
}

#[test]
fn beyond_the_limit_packets_are_copied() {
    let mut pool = Pool::with_limit(SIZE, 3);
    let held: Vec<_> = (0..10).map(|n| pool.receive(read(1400, n)).unwrap()).collect();
    assert_eq!(pool.others.len(), 2);
    for (n, packet) in held.iter().enumerate() {
        assert_eq!(packet, &vec![n as u8; 1400]);
    }
    drop(held);
    assert_eq!(free(&pool), 2);
}

#[test]
fn slices_keep_the_buffer_until_the_last_is_gone() {
    let mut pool = Pool::with_limit(SIZE, 2);
    let packet = pool.receive(read(1000, 3)).unwrap();
    let slice = packet.slice(500..600);
    drop(packet);
    assert_eq!(free(&pool), 0);
    drop(slice);
    assert_eq!(free(&pool), 1);
}

#[test]
fn buffers_come_back_from_other_threads_in_any_order_and_after_the_pool() {
    let mut pool = Pool::with_limit(SIZE, 32);
    let mut packets: Vec<_> = (0..32).map(|n| pool.receive(read(1200, n)).unwrap()).collect();
    packets.swap(0, 20);
    let late = packets.split_off(16);
    thread::spawn(move || drop(packets)).join().unwrap();
    assert_eq!(free(&pool), 16);
    drop(pool);
    assert_eq!(late[15], vec![31; 1200]);
}

#[test]
fn an_error_keeps_the_buffer() {
    let mut pool = Pool::with_limit(SIZE, 1);
    assert_eq!(pool.receive(|_| Err("busy")), Err("busy"));
    assert_eq!(pool.receive(read(1500, 1)).unwrap().len(), 1500);
    assert_eq!(free(&pool), 0);
}

#[test]
fn one_that_is_free_is_found_among_many_that_are_not() {
    let mut pool = Pool::with_limit(SIZE, 200);
    let mut held: Vec<_> = (0..199).map(|n| pool.receive(read(1400, n as u8)).unwrap()).collect();
    drop(held.remove(150));
    let copied = |packet: &Bytes, pool: &Pool| {
        !pool.others.iter().any(|buffer| buffer.as_ptr() == packet.as_ptr())
    };
    let mut copies = 0;
    loop {
        let packet = pool.receive(read(1400, 7)).unwrap();
        if !copied(&packet, &pool) {
            break;
        }
        copies += 1;
    }
    assert!(copies <= 199 / LOOKS, "{copies}");
}

#[test]
fn small_copies_share_little_memory() {
    let mut pool = Pool::with_limit(SIZE, 2);
    let first = pool.receive(read(60, 1)).unwrap();
    let next = pool.receive(read(60, 2)).unwrap();
    assert_eq!(next.as_ptr() as usize - first.as_ptr() as usize, 60);
    assert_eq!((first, next), (vec![1; 60].into(), vec![2; 60].into()));
}

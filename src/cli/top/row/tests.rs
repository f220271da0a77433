use super::*;
use crate::cli::top::feed::sort;
use crate::cli::top::tests::{row, tcp};

fn numbers(rows: &[Row]) -> Vec<u32> {
    rows.iter().filter_map(|row| row.key.conn).collect()
}

#[test]
fn each_order_puts_first_what_it_says() {
    let with = |change: fn(&mut TcpStatus)| {
        let mut tcp = tcp();
        change(&mut tcp);
        Some(tcp)
    };
    let mut rows = vec![
        row(1, "ESTAB", with(|tcp| tcp.srtt_us = Some(9)), 5.0),
        row(2, "CLOSE-WAIT", with(|tcp| tcp.retransmissions = 7), 9.0),
        row(3, "ESTAB", with(|tcp| tcp.srtt_us = None), 9.0),
        row(4, "TIME-WAIT", None, 0.0),
    ];
    rows[0].socket.receive_queue = 1;
    for (by, order) in [
        (Sort::Rate, [3, 2, 1, 4]),
        (Sort::State, [2, 3, 1, 4]),
        (Sort::Number, [4, 3, 2, 1]),
        (Sort::Rtt, [2, 1, 4, 3]),
        (Sort::Retransmissions, [2, 4, 3, 1]),
        (Sort::Queue, [1, 4, 3, 2]),
    ] {
        sort(&mut rows, by, false);
        assert_eq!(numbers(&rows), order, "{by:?}");
        sort(&mut rows, by, true);
        let back: Vec<_> = order.into_iter().rev().collect();
        assert_eq!(numbers(&rows), back, "{by:?} turned round");
    }
}

#[test]
fn orders_follow_on_each_other_and_come_again() {
    let mut sort = Sort::Rate;
    for &expected in Sort::ALL.iter().skip(1).chain([&Sort::Rate]) {
        let next = sort.next(false);
        assert_eq!((next, next.next(true)), (expected, sort));
        sort = next;
    }
}

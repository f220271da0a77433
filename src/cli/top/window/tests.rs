use super::*;
use crate::cli::top::tests::{socket, tcp};
use glasstcp::control::TcpStatus;

fn window(change: impl FnOnce(&mut TcpStatus)) -> Window {
    let mut tcp = tcp();
    change(&mut tcp);
    Window::of(&socket(1, "ESTAB", Some(tcp))).expect("a window")
}

fn bar(window: &Window, width: usize) -> String {
    window.bar(width).spans.iter().map(|span| span.content.as_ref()).collect()
}

#[test]
fn what_is_outstanding_is_taken_apart() {
    let whole = window(|_| {});
    let expected = Window {
        acked: 1_234_567,
        flight: 8_688,
        usable: 14_480 - 8_688,
        blocked: 100_000 - (14_480 - 8_688),
        edge: "cwnd",
        ..Window::default()
    };
    assert_eq!(whole, expected);
    // What is lost or has arrived is not on its way, and makes room in cwnd.
    let holes = window(|tcp| (tcp.segments_sacked, tcp.segments_lost) = (2, 1));
    assert_eq!((holes.sacked, holes.lost, holes.flight), (2_896, 1_448, 8_688));
    assert_eq!(holes.usable, 14_480 - 8_688);
    let closed = window(|tcp| tcp.snd_wnd = 0);
    assert_eq!((closed.usable, closed.blocked, closed.edge), (0, 100_000, "the peer's window"));
    let narrow = window(|tcp| (tcp.segments_sacked, tcp.snd_wnd) = (2, 12_000));
    assert_eq!((narrow.usable, narrow.edge), (12_000 - 8_688 - 2_896, "the peer's window"));
    assert_eq!(Window::of(&socket(1, "TIME-WAIT", None)), None);
}

#[test]
fn a_bar_is_as_wide_as_it_may_be_and_shows_whatever_there_is() {
    let all = window(|tcp| (tcp.segments_sacked, tcp.segments_lost) = (1, 1));
    for width in 8..200 {
        let bar = bar(&all, width);
        assert_eq!(bar.chars().count(), width, "{bar}");
        for sign in ['▒', 'x', '▆', '░', '»'] {
            assert!(bar.contains(sign), "{sign} is missing: {bar}");
        }
    }
    for width in 0..8 {
        assert!(bar(&all, width).chars().count() <= 8);
    }
    let half = Window { flight: 50, usable: 50, ..Window::default() };
    assert_eq!(bar(&half, 10), "▆▆▆▆▆░░░░░");
    assert_eq!(bar(&Window::default(), 10), "");
    let huge = Window { flight: u64::from(u32::MAX), blocked: u64::MAX / 4, ..Window::default() };
    assert_eq!(bar(&huge, 10), "▆▆▆▆▆▆▆▆»»");
}

#[test]
fn the_legend_tells_what_blocks() {
    let legend: Vec<_> = window(|_| {}).legend().into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(legend[0], "acked 1,234,567");
    assert_eq!(legend[3], "in flight 8,688");
    assert_eq!(legend[5], "blocked 94,208 by cwnd");
}

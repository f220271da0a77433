use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::cli::top::filter::Filter;
use crate::cli::top::row::Sort;
use crate::cli::top::tests::{look, row, tcp};

fn model() -> Model {
    let mut model = Model::new("glass0@lab".to_owned(), Filter::default(), Sort::Rate);
    for rate in [2e6, 5e6, 12.3e6] {
        let mut lossy = tcp();
        (lossy.segments_sacked, lossy.segments_lost, lossy.retransmissions) = (2, 1, 42);
        let rows = vec![row(17, "ESTAB", Some(lossy), rate), row(3, "TIME-WAIT", None, 0.0)];
        model.look(look(rows));
    }
    model
}

fn press(model: &mut Model, code: KeyCode) {
    assert_eq!(model.key(KeyEvent::new(code, KeyModifiers::NONE)), None);
}

/// What stands on a screen of that size.
fn screen(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let now = model.looked.expect("a look") + Duration::from_millis(50);
    terminal.draw(|frame| draw(model, now, frame.area(), frame.buffer_mut())).expect("drawn");
    terminal.backend().to_string()
}

fn assert_shows(screen: &str, parts: &[&str]) {
    for part in parts {
        assert!(screen.contains(part), "{part:?} is missing in\n{screen}");
    }
}

#[test]
fn the_list_shows_what_there_is_room_for() {
    let model = model();
    let usual = screen(&model, 80, 24);
    assert_shows(
        &usual,
        &[
            "glasstcp top glass0@lab  by rate",
            "connections 2: ESTAB 1, TIME-WAIT 1; listeners 5",
            "refused 3",
            " 17 10.9.0.1:50017 ESTAB       12.3M",
            "10.5ms 14.5k",
            "  3 10.9.0.1:50003 TIME-WAIT",
            "throughput 12.3Mbit/s",
            "cwnd 14.5kB, max 14.5kB",
            "rtt 10.5ms",
            "q quit",
        ],
    );
    let wide = screen(&model, 300, 100);
    assert_shows(&wide, &["10.9.0.2:80", "queue", "▂▃▇"]);
    let narrow = screen(&model, 40, 10);
    assert_shows(&narrow, &["10.9.0.1:50017 ESTAB", "12.3M", "q quit"]);
}

#[test]
fn one_connection_is_shown_with_all_that_is_known() {
    let mut model = model();
    press(&mut model, KeyCode::Enter);
    model.event(17, "0.764 #17 -> ACK seq=1".to_owned());
    let shown = screen(&model, 80, 24);
    assert_shows(
        &shown,
        &[
            "#17 10.9.0.2:80 <-> 10.9.0.1:50017  ESTAB",
            "· acked 1,234,567  ▒ sacked 2,896  x lost 1,448  ▆ in flight 8,688",
            "░ usable 5,792  » blocked 94,208 by cwnd",
            // 250 ms when it was looked, 50 ms ago.
            "retransmission in 250ms  after 2 in a row",
            "cubic  limit cwnd  cwnd 14,480 (10 seg)",
            "rtt 10.5ms",
            "sent again 42",
            "sack  timestamps",
            "0.764 #17 -> ACK seq=1",
            "Esc back",
        ],
    );
    let mut gone = look(Vec::new());
    gone.only = model.query().only;
    model.look(gone);
    assert_shows(&screen(&model, 80, 24), &["gone: this is how it was last"]);
}

#[test]
fn what_is_asked_and_told_stands_below() {
    let mut model = model();
    press(&mut model, KeyCode::Char('K'));
    assert_shows(&screen(&model, 80, 24), &["kill 10.9.0.2:80 10.9.0.1:50017? y or n"]);
    press(&mut model, KeyCode::Char('n'));
    assert_shows(&screen(&model, 80, 24), &["nothing was killed"]);
    press(&mut model, KeyCode::Char('i'));
    press(&mut model, KeyCode::Char('x'));
    assert_shows(&screen(&model, 80, 24), &["or clear): x_"]);
    press(&mut model, KeyCode::Esc);
    press(&mut model, KeyCode::Char('?'));
    assert_shows(&screen(&model, 80, 24), &["kill the connection", "Ctrl-C"]);
}

#[test]
fn no_size_is_too_small_or_too_large() {
    let mut model = model();
    for detail in [false, true] {
        if detail {
            press(&mut model, KeyCode::Enter);
        }
        for help in [false, true] {
            if help {
                press(&mut model, KeyCode::Char('?'));
            }
            let sizes = (1..30).flat_map(|width| (1..30).map(move |height| (width, height)));
            for (width, height) in sizes.chain([(300, 100), (1000, 3), (3, 500)]) {
                let shown = screen(&model, width, height);
                assert_eq!(shown.lines().count(), usize::from(height));
            }
        }
        press(&mut model, KeyCode::Esc);
    }
}

#[test]
fn without_connections_it_says_so() {
    let mut model = Model::new("glass0".to_owned(), Filter::parse("81"), Sort::Rate);
    model.look(look(Vec::new()));
    assert_shows(&screen(&model, 80, 24), &["filter: 81", "no connections that fit the filter"]);
}

use super::*;
use crate::cli::top::tests::{look, row, tcp};

fn model() -> Model {
    Model::new("glass0".to_owned(), Filter::default(), Sort::Rate)
}

/// One with these connections, each a bit slower than the one before.
fn with(conns: &[u32]) -> Model {
    let mut model = model();
    model.look(look(rows(conns)));
    model
}

fn rows(conns: &[u32]) -> Vec<Row> {
    let all = conns.iter().enumerate();
    all.map(|(at, &conn)| row(conn, "ESTAB", Some(tcp()), 1e6 - at as f64)).collect()
}

fn press(model: &mut Model, keys: &str) -> Option<Action> {
    let mut last = None;
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            '\u{8}' => KeyCode::Backspace,
            key => KeyCode::Char(key),
        };
        last = model.key(KeyEvent::new(code, KeyModifiers::NONE));
    }
    last
}

fn chosen(model: &Model) -> Option<u32> {
    model.chosen()?.key.conn
}

#[test]
fn the_choice_is_the_first_until_one_is_chosen_and_follows_that() {
    let mut model = with(&[1, 2, 3]);
    assert_eq!(chosen(&model), Some(1));
    model.look(look(rows(&[3, 1, 2])));
    assert_eq!(chosen(&model), Some(3));
    press(&mut model, "j");
    assert_eq!(chosen(&model), Some(1));
    model.look(look(rows(&[2, 3, 1])));
    assert_eq!((chosen(&model), model.selection()), (Some(1), 2));
    // The next one has its place when it has gone.
    model.look(look(rows(&[2, 3, 4])));
    assert_eq!(chosen(&model), Some(4));
    press(&mut model, "kkkk");
    assert_eq!(chosen(&model), Some(2));
    press(&mut model, "G");
    assert_eq!(chosen(&model), Some(4));
    model.look(look(Vec::new()));
    assert_eq!(chosen(&model), None);
    assert_eq!(press(&mut model, "jk\nK"), None);
    assert!(model.detail.is_none() && model.input.is_none());
}

#[test]
fn one_is_shown_alone_until_it_has_gone_and_then_still_is() {
    let mut model = with(&[1, 2]);
    press(&mut model, "j\n");
    assert_eq!(model.query().only.and_then(|key| key.conn), Some(2));
    assert_eq!(model.watched(), Some(2));
    model.event(2, "an event".to_owned());
    model.event(1, "of another".to_owned());
    let events = |model: &Model| model.detail.as_ref().map(|detail| detail.events.len());
    assert_eq!(events(&model), Some(1));
    // An answer to what was asked before is of no use any more.
    model.look(look(rows(&[1])));
    assert_eq!(chosen(&model), Some(2));
    let key = model.query().only;
    model.look(Snapshot { only: key, ..look(Vec::new()) });
    assert!(model.detail.as_ref().is_some_and(|detail| detail.gone));
    assert_eq!(model.watched(), None);
    assert!(!model.query().paused, "all else goes on");
    // Another between the same ends is another.
    model.look(Snapshot { only: key, ..look(rows(&[2])) });
    assert!(model.detail.as_ref().is_some_and(|detail| detail.gone));
    press(&mut model, "\u{1b}");
    assert!(model.detail.is_none() && !model.query().paused);
    assert_eq!(model.rows.len(), 2, "the list is there as it was");
    press(&mut model, "\n");
    (0..1000).for_each(|at| model.event(2, at.to_string()));
    assert_eq!(events(&model), Some(EVENTS));
}

#[test]
fn nothing_moves_and_nothing_is_asked_while_it_is_paused() {
    let mut model = with(&[1]);
    press(&mut model, "p");
    assert!(model.query().paused);
    model.look(look(rows(&[5])));
    assert_eq!(chosen(&model), Some(1));
    press(&mut model, " ");
    model.look(look(rows(&[5])));
    assert_eq!(chosen(&model), Some(5));
}

#[test]
fn a_connection_is_killed_only_after_a_yes() {
    let mut model = with(&[1, 2]);
    assert_eq!(press(&mut model, "K"), None);
    // The list may move meanwhile.
    model.look(look(rows(&[2, 1])));
    let key = rows(&[1])[0].key;
    assert_eq!(model.input, Some(Input::Kill(key)));
    assert_eq!(press(&mut model, "y"), Some(Action::Kill(key.local, key.remote)));
    for no in ["Kn", "K\n", "K\u{1b}", "Kq"] {
        assert_eq!(press(&mut model, no), None, "{no:?}");
        assert_eq!(model.notice.as_ref().map(|it| &it.text[..]), Some("nothing was killed"));
    }
}

#[test]
fn lines_are_typed() {
    let mut model = with(&[1, 2]);
    assert_eq!(press(&mut model, "/esx\u{8}tab :50002"), None);
    assert_eq!(model.input, Some(Input::Filter("estab :50002".to_owned())));
    press(&mut model, "\n");
    assert_eq!((model.filter.text(), model.rows.len()), ("estab :50002", 1));
    assert_eq!(model.query().filter, model.filter);
    press(&mut model, "/\u{1b}");
    assert_eq!(model.filter.text(), "estab :50002", "nothing has changed");
    press(&mut model, "\u{1b}");
    assert_eq!(model.filter.text(), "");
    let rules = press(&mut model, "iloss=1%q\u{8}\n");
    assert_eq!(rules, Some(Action::Impair("loss=1%".to_owned())));
    assert_eq!(press(&mut model, "i \n"), None);
    press(&mut model, "/");
    press(&mut model, &"x".repeat(2 * LINE));
    assert_eq!(model.input, Some(Input::Filter("x".repeat(LINE))));
}

#[test]
fn keys_sort_and_end_it() {
    let mut model = with(&[1, 2]);
    press(&mut model, "ss");
    assert_eq!((model.sort, chosen(&model)), (Sort::Number, Some(2)));
    press(&mut model, "r");
    assert_eq!((model.query().reversed, chosen(&model)), (true, Some(1)));
    press(&mut model, "S");
    assert_eq!(model.sort, Sort::State);
    press(&mut model, "?");
    assert_eq!(model.input, Some(Input::Help));
    assert_eq!((press(&mut model, "q"), &model.input), (None, &None), "any key ends the help");
    assert_eq!(press(&mut model, "q"), Some(Action::Quit));
    press(&mut model, "/");
    let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(model.key(control), Some(Action::Quit), "whatever is typed");
}

#[test]
fn curves_are_as_long_as_that_and_of_those_in_the_list() {
    let mut model = with(&[1]);
    (0..2 * TRACK).for_each(|_| model.look(look(rows(&[1]))));
    let track = model.track(rows(&[1])[0].key).expect("a track");
    assert_eq!((track.cwnd.len(), track.rate.len(), track.rtt.len()), (TRACK, TRACK, TRACK));
    assert_eq!((track.cwnd[0], track.rtt[0]), (14_480, 10_500));
    model.look(look(rows(&[2])));
    assert_eq!(model.tracks.len(), 1);
}

#[test]
fn counters_grow_by_so_many_a_second() {
    let mut model = model();
    let first = look(Vec::new());
    let (at, mut stats) = (first.at, first.stats.clone());
    model.look(first);
    assert_eq!(model.refused(), Count { total: 3, rate: 0.0 });
    stats.insert("tcp_checksum".to_owned(), 13);
    model.look(Snapshot { at: at + Duration::from_secs(2), stats, ..look(Vec::new()) });
    assert_eq!(model.refused(), Count { total: 13, rate: 5.0 });
    assert_eq!(model.count("listeners"), Count { total: 5, rate: 0.0 });
    assert_eq!(model.count("nothing"), Count::default());
}

use super::*;

fn text(told: &Receiver<Told>) -> Vec<String> {
    let of = |told| match told {
        Told::Print(text) => String::from_utf8(text).unwrap(),
        Told::Report(_) => "report".to_owned(),
    };
    told.try_iter().map(of).collect()
}

#[test]
fn events_are_observed_from_one_v_on() {
    assert!(observer(Detail::Warnings, false).is_none());
    let verbosity = |detail| observer(detail, false).unwrap().verbosity;
    assert_eq!(verbosity(Detail::States), Verbosity::States);
    assert_eq!(verbosity(Detail::Segments), Verbosity::Segments);
}

/// A printer that tells `thread`.
fn printer(thread: SyncSender<Told>) -> Printer {
    Printer(Arc::new(Printing { thread: thread.into(), lost: AtomicU64::new(0) }))
}

#[test]
fn lines_that_cannot_be_printed_in_time_are_counted() {
    let (thread, told) = sync_channel(2);
    let mut lines = Lines(printer(thread));
    for number in 0..5 {
        lines.write_all(format!("line {number}\n").as_bytes()).unwrap();
    }
    lines.0.print(b"two lines\nin one\n");
    assert_eq!(text(&told), ["line 0\n", "line 1\n"]);
    lines.write_all(b"after\n").unwrap();
    assert_eq!(text(&told), ["... 5 lines left out: printing is too slow\n", "after\n"]);
    lines.write_all(b"as usual\n").unwrap();
    assert_eq!(text(&told), ["as usual\n"]);
}

#[test]
fn the_end_waits_for_what_was_printed_but_not_for_ever() {
    let start = time::Instant::now();
    Printer::default().finish();
    let printing = Printer::default();
    printing.print(b"");
    printing.finish();
    assert!(start.elapsed() < PATIENCE, "there is no printer, or it has said that it is done");

    // Nobody prints.
    let (thread, told) = sync_channel(1);
    let printing = printer(thread);
    printing.print(b"one");
    printing.print(b"too many");
    printing.finish();
    assert_eq!(text(&told), ["one"]);
}

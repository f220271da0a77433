use super::super::tests::{EVENTS, event, of_events};
use super::*;

fn of(file: &str, kind: Kind) -> Figure {
    figure(&of_events(file.as_bytes()), kind, Duration::ZERO)
}

fn sent(ms: u64, seq: u64, why: &str) -> String {
    let data =
        format!("\"flags\":\"PSH,ACK\",\"seq_relative\":{seq},\"len\":1000,\"why\":\"{why}\"");
    event(ms, "sent", &data)
}

#[test]
fn each_segment_says_why_it_was_sent() {
    let mut file = sent(0, 1, "new_data") + &sent(5, 1001, "new_data") + &sent(9, 1, "rack");
    file += &(sent(12, 1001, "rto") + &sent(13, 2001, "what_is_new"));
    let figure = of(&file, Kind::Sequence);
    let colors: Vec<_> = figure.spans.iter().map(|span| span.color).collect();
    assert_eq!(colors, [NEW, NEW, RACK, TIMEOUT, NEW]);
    let names: Vec<_> = figure.curves.iter().map(|curve| curve.name.as_str()).collect();
    let all = ["out of order (SACK)", "acknowledged", "sent", "again: RACK", "again: time-out"];
    assert_eq!(names, all);
    let svg = figure.svg();
    assert!(svg.contains("<title>0.009000 s PSH,ACK seq=1 len=1000: rack</title>"), "{svg}");
    assert_eq!(svg.matches("<title>").count(), 5);
}

#[test]
fn a_window_beyond_the_picture_is_not_drawn_at_its_edge() {
    let offers = |ms, ack, window| {
        let data = format!(
            "\"flags\":\"ACK\",\"seq_relative\":1,\"len\":0,\"ack_relative\":{ack},\"window\":{window}"
        );
        event(ms, "received", &data)
    };
    let file = sent(0, 1, "new_data") + &offers(5, 1001, 100) + &sent(6, 1001, "new_data");
    let file = file + &offers(9, 1001, 60_000) + &offers(11, 2001, 150);
    let figure = of(&file, Kind::Sequence);
    let edge = figure.curves.iter().find(|curve| curve.name == "window's edge").expect("seen");
    let seen: Vec<_> = edge.points.iter().filter(|point| !point.1.is_nan()).collect();
    assert_eq!(seen, [&(0.005, 1.101), &(0.011, 2.151)]);
    assert!(edge.points.iter().any(|point| point.0 == 0.009 && point.1.is_nan()));
    assert!(!figure.svg().contains("NaN"));
}

#[test]
fn all_that_was_recorded_is_drawn() {
    let trace = of_events(EVENTS);
    for (kind, curves) in
        [(Kind::Sequence, 3), (Kind::Window, 2), (Kind::Rtt, 3), (Kind::Throughput, 2)]
    {
        let figure = figure(&trace, kind, Duration::ZERO);
        assert_eq!(figure.curves.len(), curves, "{kind:?}");
        assert_eq!(figure.remark, "", "{kind:?}");
        assert!(figure.title.contains("10.0.0.1:47471 with 10.0.1.1:5001"));
    }
}

#[test]
fn what_limits_holds_until_the_next() {
    let limited = |ms, by: &str| event(ms, "limited", &format!("\"by\":\"{by}\""));
    let file =
        limited(0, "congestion_window") + &limited(400, "nothing") + &sent(1000, 1, "new_data");
    let figure = of(&file, Kind::Throughput);
    let bands: Vec<_> =
        figure.bands.iter().map(|band| (band.name.as_str(), band.from, band.to)).collect();
    assert_eq!(bands, [("congestion window", 0.0, 0.4), ("application", 0.4, 1.0)]);
    assert!(figure.svg().contains("application"));
}

#[test]
fn what_is_missing_is_said_in_the_picture() {
    let lost = "{\"name\":\"events_lost\",\"data\":{\"count\":7}}\n";
    let file = sent(0, 1, "new_data") + lost + &sent(500, 1001, "new_data");
    let figure = of(&file, Kind::Sequence);
    assert_eq!(figure.remark, "7 events are missing here");
    let [gap] = &figure.bands[..] else { panic!("{:?}", figure.bands) };
    assert_eq!((gap.from, gap.to, gap.name.as_str()), (0.0, 0.5, "events are missing"));
    assert_eq!(
        of(&file, Kind::Rtt).remark,
        "nothing of this is among these events; 7 events are missing here"
    );
}

#[test]
fn the_view_is_that_of_who_sends_the_text() {
    let data = "\"flags\":\"ACK\",\"seq_relative\":1,\"ack_relative\":1,\"len\":1000";
    let file = event(0, "received", data)
        + &event(1, "sent", "\"flags\":\"ACK\",\"seq_relative\":1,\"ack_relative\":1001,\"len\":0");
    let figure = of(&file, Kind::Sequence);
    assert!(figure.title.ends_with("text that came"));
    assert_eq!((figure.spans.len(), figure.curves[2].points.len()), (1, 1));
}

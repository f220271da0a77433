use super::*;

#[test]
fn the_words_of_our_captures_are_read() {
    let words = read(
        "ESTABLISHED conn=#3 cwnd=14600 ssthresh=inf srtt=20.1ms rto=220ms inflight=11584 why=new-data limited-by=cwnd",
    );
    assert_eq!(words.state, Some(State::Established));
    assert_eq!((words.cwnd, words.ssthresh), (Some(14600), Some(None)));
    assert_eq!(words.srtt, Some(Duration::from_micros(20_100)));
    assert_eq!(words.rto, Some(Duration::from_millis(220)));
    assert_eq!(words.why.as_deref(), Some("new_data"));
    assert_eq!(words.limited_by.as_deref(), Some("congestion_window"));
    assert_eq!(read("FIN-WAIT-1 ssthresh=9000,").state, Some(State::FinWait1));
    assert_eq!(read("ssthresh=9000;").ssthresh, Some(Some(9000)));
}

#[test]
fn what_it_does_not_know_it_skips() {
    for comment in ["", "lost", "cwnd=x srtt=5 rto=1e999s =", "a=b=c", "srtt=-1ms srtt=ms rto=1h"] {
        assert_eq!(read(comment), Words::default(), "{comment}");
    }
    assert_eq!(read("srtt=1.5s").srtt, Some(Duration::from_millis(1500)));
    assert_eq!(read("srtt=150us rto=9ns").rto, Some(Duration::from_nanos(9)));
}

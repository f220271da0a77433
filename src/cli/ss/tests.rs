use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Ss {
    #[command(flatten)]
    args: Args,
}

fn filter(line: &str) -> SocketFilter {
    let words = std::iter::once("ss").chain(line.split_whitespace());
    Ss::try_parse_from(words).expect("it can be read").args.filter()
}

#[test]
fn those_that_wait_for_others_are_shown_when_they_are_asked_for() {
    let shows = |line: &str, state: &str| {
        let states = filter(line).states;
        states.is_empty() || states.iter().any(|one| one == state)
    };
    for (line, estab, listen) in [
        ("", true, false),
        ("-a", true, true),
        ("-l", false, true),
        ("--state estab", true, false),
        ("--state LISTEN --state time-wait", false, true),
    ] {
        assert_eq!((shows(line, "ESTAB"), shows(line, "LISTEN")), (estab, listen), "{line}");
    }
    assert_eq!(filter("-u").protocol, Some(Protocol::Udp));
    assert_eq!(filter("-t -u").protocol, None);
    let words = ["ss", "--state", "open"];
    let error = Ss::try_parse_from(words).unwrap_err().to_string();
    assert!(error.contains("ESTAB") && error.contains("TIME-WAIT"), "{error}");
}

fn socket(state: &str) -> SocketStatus {
    SocketStatus {
        protocol: Protocol::Tcp,
        state: state.to_owned(),
        local: ([10, 9, 0, 2], 80).into(),
        remote: Some(([10, 9, 0, 1], 43210).into()),
        receive_queue: 0,
        send_queue: 14480,
        conn: Some(7),
        owned: true,
        timer: None,
        tcp: None,
    }
}

#[test]
fn a_timer_is_told_as_ss_tells_it() {
    let told = |name: &str, left_us, tries| {
        timer_text(&TimerStatus { name: name.to_owned(), left_us, tries })
    };
    assert_eq!(told("retransmission", 200_000, 1), "timer:(on,200ms,1)");
    assert_eq!(told("delayed_ack", 1, 0), "timer:(delayed_ack,1ms,0)");
    assert_eq!(told("time_wait", 59_000_000, 0), "timer:(timewait,59sec,0)");
    assert_eq!(told("keepalive", 299_500_000, 0), "timer:(keepalive,4min59sec,0)");
}

#[test]
fn a_socket_has_a_line_and_a_connection_two() {
    let left = TimerStatus { name: "time_wait".to_owned(), left_us: 9_000_000, tries: 0 };
    let time_wait = SocketStatus { timer: Some(left), owned: false, ..socket("TIME-WAIT") };
    assert_eq!(
        line(&time_wait),
        "tcp   TIME-WAIT       0  14480           10.9.0.2:80        10.9.0.1:43210 timer:(timewait,9000ms,0) #7 owned:no\n"
    );
    let listener = SocketStatus { remote: None, conn: None, ..socket("LISTEN") };
    assert!(line(&listener).ends_with(" *:*\n"), "{}", line(&listener));
}

#[test]
fn a_connection_is_told_in_the_words_of_ss() {
    let tcp = TcpStatus {
        congestion: "cubic".to_owned(),
        limited_by: "cwnd".to_owned(),
        recovery: "recovery".to_owned(),
        timestamps: true,
        sack: true,
        ecn: false,
        window_scales: (7, 10),
        rto_us: 204_000,
        srtt_us: Some(20_100),
        rttvar_us: 1_250,
        min_rtt_us: Some(19_000),
        ato_us: 40_000,
        mss: 1448,
        path_mtu: 1500,
        rcv_mss: 536,
        advertised_mss: 1460,
        cwnd: 14_480,
        ssthresh: None,
        snd_wnd: 65_535,
        rcv_wnd: 64_512,
        in_flight: 2_896,
        unsent: 0,
        bytes_sent: 10_000,
        bytes_acked: 7_104,
        bytes_retransmitted: 1_448,
        bytes_received: 0,
        segments_out: 9,
        segments_in: 7,
        text_segments_out: 8,
        text_segments_in: 0,
        retransmissions: 3,
        segments_outstanding: 2,
        segments_again: 1,
        segments_lost: 2,
        segments_sacked: 0,
        dsacks: 0,
        reordering: 3,
        pacing_rate: None,
        delivery_rate: Some(1_000_000),
        app_limited: true,
        busy_us: 100_000,
        rwnd_limited_us: 25_000,
        sndbuf_limited_us: 0,
        since_sent_us: 12_345,
        since_text_us: 99_000,
        since_heard_us: 1_000,
        soft_error: None,
    };
    assert_eq!(
        details(&tcp),
        "ts sack cubic wscale:7,10 rto:204 rtt:20.1/1.25 ato:40 mss:1448 pmtu:1500 rcvmss:536 advmss:1460 cwnd:10 \
         bytes_sent:11448 bytes_retrans:1448 bytes_acked:7104 segs_out:9 segs_in:7 data_segs_out:8 \
         send 5763184bps lastsnd:12 lastrcv:99 lastack:1 delivery_rate 8000000bps app_limited busy:100ms limited-by:cwnd \
         rwnd_limited:25ms(25.0%) unacked:2 retrans:1/3 lost:2 rcv_wnd:64512 snd_wnd:65535 minrtt:19 recovery:recovery"
    );
    let bare = TcpStatus {
        srtt_us: None,
        min_rtt_us: None,
        delivery_rate: None,
        ssthresh: Some(2896),
        ..tcp
    };
    let text = details(&bare);
    assert!(
        !text.contains("rtt:") && !text.contains("send ") && text.contains(" ssthresh:2 "),
        "{text}"
    );
}

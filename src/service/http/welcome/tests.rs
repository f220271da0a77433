use std::time::Duration;

use futures_util::FutureExt;
use http_body_util::BodyExt;

use super::*;
use crate::event::{ConnId, State};
use crate::service::{ServiceSpec, registry};
use crate::tcp::congestion::Algorithm;

fn text(page: Page, info: Option<&tcp::Info>) -> String {
    let reply = page.reply(info);
    let whole = reply.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
    String::from_utf8(whole.into()).unwrap()
}

fn page(context: &ServiceContext, info: Option<&tcp::Info>) -> String {
    text(html(context), info)
}

fn plain(context: &ServiceContext, info: Option<&tcp::Info>) -> String {
    text(super::plain(context), info)
}

fn info() -> tcp::Info {
    tcp::Info {
        conn: ConnId(7),
        local: "10.9.0.2:80".parse().unwrap(),
        remote: "10.9.0.1:54321".parse().unwrap(),
        state: State::Established,
        mss: 1448,
        congestion: Algorithm::Reno,
        cwnd: 14_480,
        ssthresh: None,
        srtt: Some(Duration::from_micros(43)),
        rttvar: Duration::from_micros(20),
        rto: Duration::from_secs(1),
        snd_wnd: 65_535,
        rcv_wnd: 65_535,
        rcv_mss: 1448,
        ato: Duration::from_millis(40),
        quick_acks: 16,
        receive_limit: 65_535,
        receive_space: 14_600,
        receive_rtt: None,
        send_limit: 65_536,
        in_flight: 0,
        send_queue: 0,
        receive_queue: 0,
        bytes_sent: 0,
        bytes_acked: 0,
        bytes_received: 1_234_567,
        retransmissions: 0,
        ecn: false,
        ecn_reductions: 0,
        syn_text: false,
        soft_error: None,
        details: tcp::Details::default(),
    }
}

fn context() -> ServiceContext {
    ServiceContext {
        addresses: vec!["10.9.0.2".parse().unwrap()],
        services: registry::plan(true, &[]).unwrap(),
        netns: Some("glass".into()),
        ..ServiceContext::default()
    }
}

#[test]
fn both_forms_show_the_connection_and_what_to_try() {
    for text in [page(&context(), Some(&info())), plain(&context(), Some(&info()))] {
        for part in [
            "#7",
            "10.9.0.1:54321",
            "ESTABLISHED",
            "0.043 ms",
            "1000.000 ms",
            "congestion",
            "reno",
            "14,480 bytes",
            "none yet",
            "1,448 bytes",
            "1,234,567 bytes",
            "sudo ip netns exec glass ping 10.9.0.2",
            "sudo ip netns exec glass telnet 10.9.0.2 7",
            "curl http://10.9.0.2/welcome",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(!text.contains("<!--"), "{text}");
        assert!(!text.contains("/upload/"), "there is no folder: {text}");
    }
}

#[test]
fn without_a_look_at_the_connection_the_page_says_so() {
    for text in [page(&context(), None), plain(&context(), None)] {
        assert!(text.contains("not glasstcp's own"), "{text}");
        assert!(!text.contains("srtt"), "{text}");
    }
}

#[test]
fn what_to_try_follows_the_services() {
    let context = ServiceContext {
        addresses: vec!["fd00::2".parse().unwrap()],
        services: vec![ServiceSpec { port: 8080, ..Service::Http.into() }],
        netns: Some("<script>".into()),
        ..ServiceContext::default()
    };
    let text = plain(&context, None);
    assert!(text.contains("curl http://[fd00::2]:8080/welcome"), "{text}");
    assert!(!text.contains("telnet"), "{text}");
    assert!(!page(&context, None).contains("<script>"));
    let nowhere = plain(&ServiceContext::default(), None);
    assert!(!nowhere.contains("Try"), "{nowhere}");
}

#[test]
fn the_page_needs_no_other_host() {
    let page = page(&context(), Some(&info()));
    assert!(!page.contains("src="), "{page}");
    assert!(!page.contains("href=\"http"), "{page}");
}

#[test]
fn a_figure_that_is_longer_than_its_column_is_shown_whole() {
    let long = tcp::Info { bytes_sent: u64::MAX, ..info() };
    let context = context();
    let before = plain(&context, Some(&info()));
    let text = plain(&context, Some(&long));
    let line =
        "  bytes out        18,446,744,073,709,551,615 bytes what was sent before this page\n";
    assert!(text.contains(line), "{text}");
    assert!(
        before
            .contains("  bytes out        0 bytes               what was sent before this page\n")
    );
    // The next one is as it was.
    assert_eq!(plain(&context, Some(&info())), before);
}

#[test]
fn the_plain_page_is_as_long_whoever_asks() {
    let late = tcp::Info {
        conn: ConnId(u32::MAX),
        remote: "255.255.255.255:65535".parse().unwrap(),
        state: State::CloseWait,
        srtt: None,
        ssthresh: Some(u32::MAX),
        bytes_sent: 999_999_999_999,
        ..info()
    };
    let lines = |info| plain(&context(), Some(&info)).lines().map(str::len).collect::<Vec<_>>();
    assert_eq!(lines(late), lines(info()));
}

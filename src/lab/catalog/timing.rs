//! When things are sent, and when they are not.

use crate::lab::{Claim, How, Lab, Live, LiveClient, LiveRun, Part, Picture, Question, Run, View};
use crate::sim::{Act, Dialogue};
use crate::tcp::Config;
use crate::tcp::congestion::Algorithm::NewReno;
use crate::time::Duration;

pub(super) static RTT: Lab = Lab {
    name: "rtt",
    title: "Round-trip times and the retransmission time-out",
    summary: "how long a sender waits for an acknowledgment, and which ones it must not measure",
    clauses: "RFC 6298, RFC 7323 4",
    text: &[
        "An application sends 1,000 bytes each 50 ms. The path takes 50 ms back, and between 30 and 70 ms forth, so each \
         segment has another round-trip time. How long should the sender wait for an acknowledgment before it takes a \
         segment for lost? Too short, and it sends again for nothing; too long, and a loss costs more than it has to. So \
         it measures: from the samples it keeps a smoothed round-trip time (SRTT) and how far samples are from it \
         (RTTVAR), and the time-out is RTO = SRTT + 4 RTTVAR, here with 200 ms in place of 4 RTTVAR where that is less, \
         as Linux has it (RFC 6298 2.3 and 2.4).",
        "After two seconds nothing gets through for two seconds. The timer goes off; the sender sends the first segment \
         again, and each time that fails it waits twice as long (RFC 6298 5.5).",
        "When an acknowledgment comes at last, of which of the transmissions is it? Nobody can know, so it must not be \
         measured (Karn's algorithm, RFC 6298 3). With timestamps one can: each segment says when it was sent, and the \
         acknowledgment says that again (RFC 7323 4).",
    ],
    look_for: &[
        "The smoothed line follows the dots slowly; the time-out is well above all of them.",
        "In the two seconds without an answer there is no dot, and so no new time-out is computed.",
        "After that, in 'karn', no dot for what was sent twice.",
        "In the ladder the gaps between time-outs: each is twice the one before.",
        "A cross is what the sender believes. The acknowledgment at 4.21 s also says 'sack=37001..38001': that segment had \
         arrived, and only its acknowledgment was lost (D-SACK, RFC 2883).",
    ],
    runs: &[
        Run {
            name: "karn",
            what: "without timestamps",
            host: "sender",
            how: How::Scenario(concat!(include_str!("rtt.toml"), "timestamps = false\n"), NewReno),
        },
        Run {
            name: "timestamps",
            what: "the same with timestamps",
            host: "sender",
            how: How::Scenario(include_str!("rtt.toml"), NewReno),
        },
    ],
    ladders: &[Part {
        place: "karn",
        from: 1900,
        to: 4800,
        caption: "Nothing gets through, and the timer goes off again and again.",
    }],
    pictures: &[
        Picture {
            name: "karn",
            view: View::Rtt,
            places: &["karn"],
            span: None,
            caption: "Each dot is a round trip that was measured. Without timestamps there is none for what was sent twice.",
        },
        Picture {
            name: "timestamps",
            view: View::Rtt,
            places: &["timestamps"],
            span: None,
            caption: "With timestamps such round trips are measured, too: the acknowledgment says which copy it is of. The \
                      first one after the gap is of the copy that was sent when the path was back.",
        },
    ],
    claims: &[
        Claim {
            says: "The timer goes off three times in a row, ...",
            rule: "karn: rto in a row == 3",
        },
        Claim {
            says: "... and the last wait is more than twice the time-out that was computed from samples.",
            rule: "karn: silence max >= 2 * rto-timer max",
        },
        Claim {
            says: "Without timestamps nothing is measured on what was sent twice (Karn).",
            rule: "karn: rtt ambiguous == 0",
        },
        Claim { says: "With timestamps it is.", rule: "timestamps: rtt ambiguous >= 1" },
        Claim {
            says: "The time-out is above every round trip: 200 ms at least stand on the smoothed one, as in Linux (RFC 6298 \
                   2.4 asks for a whole second).",
            rule: "karn: rto-timer min >= rtt max",
        },
        Claim {
            says: "No round trip is shorter than the path, 80 ms.",
            rule: "karn: rtt min >= 80ms",
        },
    ],
    questions: &[
        Question {
            asks: "How long did the sender wait before the last of its three attempts, and how long was the time-out before \
                   the gap?",
            answer: "Nothing was sent for {silence max of karn}. The time-out was a quarter of that: it was doubled, and \
                     doubled again (RFC 6298 5.5).",
        },
        Question {
            asks: "What would go wrong if the acknowledgment after the gap were measured from the first transmission?",
            answer: "The sample would be some two seconds, as long as the gap. The smoothed time and the time-out would \
                     jump, and the next loss would be waited for far too long. From the last transmission it could be far \
                     too short, and the sender would send again for nothing.",
        },
        Question {
            asks: "How many round trips are measured in each run, and why are there more with timestamps?",
            answer: "{rtt samples of karn} and {rtt samples of timestamps}. Those after the gap, of what was sent twice, \
                     count only where the echoed time tells which transmission was answered.",
        },
    ],
    live: Live::Not(
        "the path would have to fail in the middle of the transfer, which only the simulator can promise",
    ),
};

/// Three requests, each in two small writes, and an answer to each.
fn requests(nodelay: bool) -> Dialogue {
    use Act::{Close, Read, ReadToEnd, Shutdown, Wait, Write};
    let request = [Write(100), Wait(Duration::from_millis(1)), Write(100), Read(100)];
    let answer = [Read(200), Write(100)];
    Dialogue {
        link: "delay=5ms".parse().unwrap_or_default(),
        tcp: Config { nodelay, quick_ack: false, ..Config::default() },
        client: [&request[..], &request, &request, &[Shutdown, ReadToEnd]].concat(),
        server: [&answer[..], &answer, &answer, &[ReadToEnd, Close]].concat(),
        time_limit: Duration::from_secs(3),
        ..Dialogue::default()
    }
}

pub(super) static NAGLE: Lab = Lab {
    name: "nagle",
    title: "Nagle's algorithm and delayed acknowledgments",
    summary: "two ways to save packets, and how they wait for each other",
    clauses: "RFC 9293 3.7.4 and 3.8.6.3",
    text: &[
        "Somebody types 100 bytes each 5 ms ('typing'). Each could be a packet of its own, with 52 bytes of headers. \
         Nagle's algorithm saves them: while something is sent and not acknowledged, what does not fill a segment waits, \
         and goes with what comes after it. With TCP_NODELAY ('typing-nodelay') nothing waits.",
        "The receiver saves packets, too: it keeps an acknowledgment back for up to 40 ms, for something may be on its \
         way on which it can ride, or a second segment may come, for which one acknowledgment is enough.",
        "Each is good alone. But here is a client that writes a request in two pieces and then waits for the answer \
         ('requests'). The first piece goes at once. A \
         millisecond later comes the second; it is small, and the first not acknowledged: it waits. The \
         server waits as well, for it has only half a request, and so nothing to answer, and its acknowledgment is \
         delayed. Nothing happens until that delay is over.",
        "(The receivers here are told to delay whatever may be delayed. As Linux's, they would not at the beginning of a \
         connection, which hides this from short tests.)",
    ],
    look_for: &[
        "In 'typing' segments of 1,000 bytes and more, one each time that an acknowledgment comes.",
        "In 'requests' 40 ms of nothing in each request, between its two pieces.",
        "In 'requests-nodelay' the second piece goes at once.",
    ],
    runs: &[
        Run {
            name: "typing",
            what: "100 bytes each 5 ms",
            host: "sender",
            how: How::Scenario(include_str!("nagle.toml"), NewReno),
        },
        Run {
            name: "typing-nodelay",
            what: "the same without Nagle's algorithm",
            host: "sender",
            how: How::Scenario(concat!(include_str!("nagle.toml"), "nodelay = true\n"), NewReno),
        },
        Run {
            name: "requests",
            what: "three requests, each written in two pieces",
            host: "client",
            how: How::Dialogue(|| requests(false)),
        },
        Run {
            name: "requests-nodelay",
            what: "the same without Nagle's algorithm",
            host: "client",
            how: How::Dialogue(|| requests(true)),
        },
    ],
    ladders: &[
        Part {
            place: "typing",
            from: 0,
            to: 170,
            caption: "What was typed while an acknowledgment was awaited goes together.",
        },
        Part {
            place: "requests",
            from: 0,
            to: 170,
            caption: "Nagle's algorithm waits for the acknowledgment, and that waits for more.",
        },
        Part {
            place: "requests-nodelay",
            from: 0,
            to: 170,
            caption: "Without Nagle's algorithm nobody waits.",
        },
    ],
    pictures: &[
        Picture {
            name: "typing",
            view: View::Sequence,
            places: &["typing"],
            span: Some((0, 400)),
            caption: "Each line is a segment. They are long: what was typed in 50 ms.",
        },
        Picture {
            name: "requests",
            view: View::Ladder,
            places: &["requests"],
            span: Some((0, 130)),
            caption: "The first two requests: the second piece of each waits for an acknowledgment that is delayed.",
        },
    ],
    claims: &[
        Claim {
            says: "Nagle's algorithm makes few segments of many writes.",
            rule: "typing: data segments <= 0.2 * data segments of typing-nodelay",
        },
        Claim {
            says: "Without it each of the 200 writes is a segment.",
            rule: "typing-nodelay: data segments == 200",
        },
        Claim {
            says: "Most of the time it is what holds the sender back.",
            rule: "typing: limited-by nagle >= 0.8 * duration",
        },
        Claim {
            says: "The receiver's acknowledgments are delayed ones.",
            rule: "typing/receiver: sent ack-delayed >= 10",
        },
        Claim {
            says: "Both together cost each of three requests 40 ms and more.",
            rule: "requests: limited-by nagle >= 120ms",
        },
        Claim {
            says: "Without Nagle's algorithm nothing waits.",
            rule: "requests-nodelay: limited-by nagle == 0",
        },
    ],
    questions: &[
        Question {
            asks: "How many segments with text did 'typing' need, and how many 'typing-nodelay'?",
            answer: "{data segments of typing} and {data segments of typing-nodelay}, for the same 20,000 bytes.",
        },
        Question {
            asks: "How long did the three requests wait in all, and for whom?",
            answer: "{limited-by nagle of requests}: for the server's delayed acknowledgment, each time.",
        },
        Question {
            asks: "How can the application of 'requests' be mended without TCP_NODELAY?",
            answer: "By writing each request at once: one write of 200 bytes (or writev) is one segment, and nothing is \
                     left that would have to wait. TCP_NODELAY would send two packets where one is enough.",
        },
    ],
    live: Live::Not(
        "the services of the stack write large pieces, so that Nagle's algorithm has nothing to collect",
    ),
};

pub(super) static WINDOW: Lab = Lab {
    name: "window",
    title: "The sliding window, and what happens when it closes",
    summary: "a slow reader holds a fast writer back",
    clauses: "RFC 9293 3.8.6",
    text: &[
        "With each acknowledgment a receiver says how many bytes more it has room for: its window. The sender may have \
         so much under way and no more. As the application reads and acknowledgments come, the window slides along the \
         stream.",
        "Here the receiver has room for 8 KB, and its application reads 1,448 bytes, a segment, each 300 ms. The sender fills the room in \
         its first flight, and is told: window 0. It stops. Some time later the application has read, and the receiver \
         says that there is room again: a window update. That is an acknowledgment that nobody acknowledges; if it were \
         lost, both would wait for ever. So the sender asks now and then: a zero-window probe, which the receiver has to \
         answer (RFC 9293 3.8.6.1).",
        "And the receiver does not offer every byte that becomes free, or the sender would send ever smaller pieces: it \
         waits until there is a segment's worth (silly-window avoidance, RFC 9293 3.8.6.2.2). That is 1,460 bytes here, and a \
         read makes room for 1,448: so it takes two reads before there is a window again.",
    ],
    look_for: &[
        "In the ladder 'win=' gets smaller with each acknowledgment, down to 0.",
        "The persist timer, a probe, and its answer, which still says win=0.",
        "In the picture the window's edge cannot be seen most of the time: what is sent has reached it, and so has what is \
         acknowledged. A step up is a window update that was used at once.",
        "Two of the steps are in two parts: the window that was offered had a full segment and a smaller piece, and the sender, too, \
         waits before it sends such a piece (silly window).",
    ],
    runs: &[Run {
        name: "slow",
        what: "a buffer of 8 KB, of which 1,448 bytes are read each 300 ms",
        host: "sender",
        how: How::Scenario(include_str!("window.toml"), NewReno),
    }],
    ladders: &[Part {
        place: "slow",
        from: 0,
        to: 700,
        caption: "The window closes, is probed, and opens again.",
    }],
    pictures: &[
        Picture {
            name: "sequence",
            view: View::Sequence,
            places: &["slow"],
            span: None,
            caption: "What is sent, and acknowledged, follows the window's edge, which moves with every second read. At the end it \
                      goes on alone: everything was sent.",
        },
        Picture {
            name: "throughput",
            view: View::Throughput,
            places: &["slow"],
            span: None,
            caption: "The colour behind it is what holds the sender back: the peer's window, until the application has nothing more \
                      to send.",
        },
    ],
    claims: &[
        Claim { says: "The window closes again and again.", rule: "slow: zero windows >= 5" },
        Claim {
            says: "There is never more under way than the 8 KB of the receiver's buffer.",
            rule: "slow: flight max <= 8k",
        },
        Claim {
            says: "Most of the time the peer's window is what holds the sender back.",
            rule: "slow: limited-by peer-window >= 0.5 * duration",
        },
        Claim { says: "A closed window is probed.", rule: "slow: sent zero-window-probe >= 5" },
        Claim {
            says: "The receiver says that there is room again.",
            rule: "slow/receiver: sent window-update >= 5",
        },
        Claim {
            says: "Nothing is lost, so nothing is sent again.",
            rule: "slow: retransmissions == 0",
        },
    ],
    questions: &[
        Question {
            asks: "How fast does the transfer go, and what decides that?",
            answer: "{goodput of slow}. The application that reads: 1,448 bytes each 300 ms are 38.6 kbit/s. The link could \
                     carry 10 Mbit/s.",
        },
        Question {
            asks: "How often did the window close, and how many probes were sent?",
            answer: "{zero windows of slow} times, and {sent zero-window-probe of slow} probes.",
        },
        Question {
            asks: "The window is 8 KB. How fast could this connection be at best, if the application read at once, over a \
                   round trip of 20 ms?",
            answer: "One window a round trip: 8192 * 8 bits / 20 ms = 3.3 Mbit/s. More takes a larger window; that is what \
                     window scaling is for (RFC 7323 2).",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[("slow", &["--impair", "delay=10ms"])],
        shows: &["slow"],
        client: LiveClient::Get { bytes: 100_000, pace: Some((16_384, 250)) },
        claims: &[
            Claim {
                says: "The kernel closes its window again and again.",
                rule: "slow: zero windows >= 3",
            },
            Claim {
                says: "That is what holds the stack back.",
                rule: "slow: limited-by peer-window >= 0.3 * duration",
            },
            Claim { says: "Everything arrives.", rule: "slow: text acknowledged >= 100000" },
        ],
    }),
};

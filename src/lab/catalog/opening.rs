//! How connections begin and end.

use crate::device::impair::Spec;
use crate::lab::{Claim, How, Lab, Live, LiveClient, LiveRun, Part, Picture, Question, Run, View};
use crate::sim::{Act, Dialogue, Flood};
use crate::time::Duration;

use Act::{Close, Read, ReadToEnd, Reset, Shutdown, Wait, Write};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A link by its rules, which the tests read.
fn link(rules: &str) -> Spec {
    rules.parse().unwrap_or_default()
}

/// A short conversation over 20 ms each way.
fn conversation(rules: &str) -> Dialogue {
    Dialogue {
        link: link(rules),
        client: vec![Write(200), Read(1000), Wait(MS(60)), Shutdown, ReadToEnd],
        server: vec![Read(200), Write(1000), ReadToEnd, Close],
        time_limit: Duration::from_secs(5),
        ..Dialogue::default()
    }
}

pub(super) static HANDSHAKE: Lab = Lab {
    name: "handshake",
    title: "The three-way handshake",
    summary: "how both ends agree where to begin, and what a lost SYN costs",
    clauses: "RFC 9293 3.5, RFC 6298 2.1 and 5.7",
    text: &[
        "A client opens a connection to a server 20 ms away. Before a byte of text can be numbered, both ends have to \
         agree on the number of the first one: each chooses its own, tells it with a SYN, and has it acknowledged. That \
         would be four segments, but the server's SYN and its acknowledgment of the client's travel together, so it is \
         three: SYN, SYN,ACK, ACK. A SYN takes a number of its own, 0 in the ladder, which counts from it; so the first \
         byte of text has the number 1.",
        "In the second run the link drops the first SYN. Nobody tells the client, and it has not measured a round trip \
         yet, so it waits for one second, the time-out that RFC 6298 has for whoever knows nothing, and asks again.",
    ],
    look_for: &[
        "The states at the left: SYN_SENT and then ESTABLISHED; the server's in brackets at the right.",
        "The client is open after one round trip, the server half a round trip later.",
        "The third segment carries the request already; what opens the server is its acknowledgment.",
        "In the run 'lost' a cross where the SYN ends, and a second of nothing.",
    ],
    runs: &[
        Run {
            name: "open",
            what: "20 ms each way, nothing is lost",
            host: "client",
            how: How::Dialogue(|| conversation("delay=20ms")),
        },
        Run {
            name: "lost",
            what: "the same, but the first SYN is lost",
            host: "client",
            how: How::Dialogue(|| conversation("delay=20ms out:drop:syn:nth=1")),
        },
    ],
    ladders: &[
        Part {
            place: "open",
            from: 0,
            to: 130,
            caption: "The handshake, the request and its answer, from the client's view.",
        },
        Part {
            place: "lost",
            from: 0,
            to: 1130,
            caption: "The same with the first SYN lost: the whole second is missing.",
        },
    ],
    pictures: &[
        Picture {
            name: "open",
            view: View::Ladder,
            places: &["open"],
            span: None,
            caption: "The whole connection of the run 'open'.",
        },
        Picture {
            name: "lost",
            view: View::Ladder,
            places: &["lost"],
            span: Some((0, 1085)),
            caption: "The beginning of the run 'lost': the timer sends the SYN again.",
        },
    ],
    claims: &[
        Claim {
            says: "The client asks, and is open when its SYN is acknowledged.",
            rule: "open: state path CLOSED > SYN_SENT > ESTABLISHED",
        },
        Claim {
            says: "The server listens, has heard, and is open when its own SYN is acknowledged.",
            rule: "open/server: state path LISTEN > SYN_RCVD > ESTABLISHED",
        },
        Claim { says: "Who sends the first SYN has opened it.", rule: "open: opened by us" },
        Claim {
            says: "That takes the client one round trip.",
            rule: "open: handshake rtt in 40ms..41ms",
        },
        Claim { says: "The lost SYN is sent again, once, ...", rule: "lost: retransmissions == 1" },
        Claim { says: "... after one second of silence.", rule: "lost: silence max in 1s..1.01s" },
    ],
    questions: &[
        Question {
            asks: "Why are two segments not enough?",
            answer: "Each end has to know that the other one has got its first number. After two segments the client \
                     knows that the server has its number, but the server does not know whether the client has heard \
                     of its own. It would not even know that the SYN was of now: it may be one that was delayed in the \
                     network and belongs to a connection long gone (RFC 9293 3.5). The third segment says both.",
        },
        Question {
            asks: "How long after its SYN can the client send its first byte of text, and how long does it take when \
                   the SYN is lost?",
            answer: "One round trip: {handshake rtt of open}. With the SYN lost it waits {silence max of lost} before \
                     it asks again, and then it takes a round trip as well.",
        },
        Question {
            asks: "The client sends 200 bytes after the handshake. What does the server's acknowledgment of them say?",
            answer: "201: the number of the byte that is expected next. The SYN was number 0, and the text 1 to 200.",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[("open", &["--impair", "delay=20ms"])],
        shows: &["open"],
        client: LiveClient::Get { bytes: 1000, pace: None },
        claims: &[
            Claim {
                says: "The stack listens, has heard, and is open when its SYN is acknowledged.",
                rule: "open: state path LISTEN > SYN_RCVD > ESTABLISHED",
            },
            Claim {
                says: "The kernel at the other end has opened it.",
                rule: "open: opened by peer",
            },
            Claim {
                says: "The answer to the SYN,ACK comes after one round trip over the impaired link.",
                rule: "open: handshake rtt >= 40ms",
            },
        ],
    }),
};

/// The link of all ways to close: 20 ms each way.
fn closing(client: Vec<Act>, server: Vec<Act>) -> Dialogue {
    Dialogue {
        link: link("delay=20ms"),
        client,
        server,
        time_limit: Duration::from_secs(70),
        ..Dialogue::default()
    }
}

pub(super) static CLOSE: Lab = Lab {
    name: "close",
    title: "Four ways to close a connection",
    summary: "one end first, both at once, one direction only, and with a reset",
    clauses: "RFC 9293 3.6 and 3.5.2",
    text: &[
        "Each direction of a connection ends for itself: who has nothing more to send says FIN, and the other end \
         acknowledges it as if it were one more byte. So a connection is closed by two FINs and two acknowledgments, \
         and which states it goes through depends on who says FIN first.",
        "'active': the client closes first. It goes through FIN_WAIT_1 and FIN_WAIT_2, and stays in TIME_WAIT for a \
         minute, lest an old segment falls into a new connection; the server, which closes second, goes through \
         CLOSE_WAIT and LAST_ACK, and is done.",
        "'both': both close within the same half round trip. Each gets the other's FIN while its own is under way, \
         so both pass CLOSING, and both wait in TIME_WAIT.",
        "'half': the client says FIN after its request, but goes on reading. In CLOSE_WAIT the server sends for as \
         long as it likes.",
        "'reset': the client breaks off. There is no FIN, no acknowledgment and no waiting: one RST, and both ends \
         have forgotten everything.",
    ],
    look_for: &[
        "Which end is in TIME_WAIT afterwards: the one that said FIN first, in 'both' the two of them.",
        "In 'half' text travels from the server to the client after the client's FIN.",
        "In 'reset' nothing answers the RST.",
    ],
    runs: &[
        Run {
            name: "active",
            what: "the client closes first, the server when it sees that",
            host: "client",
            how: How::Dialogue(|| {
                closing(
                    vec![Write(100), Wait(MS(100)), Shutdown, ReadToEnd],
                    vec![ReadToEnd, Close],
                )
            }),
        },
        Run {
            name: "both",
            what: "both close 140 ms after the first SYN",
            host: "client",
            // The server is open 20 ms later.
            how: How::Dialogue(|| {
                closing(
                    vec![Wait(MS(100)), Shutdown, ReadToEnd],
                    vec![Wait(MS(80)), Shutdown, ReadToEnd],
                )
            }),
        },
        Run {
            name: "half",
            what: "the client says that it has sent everything, and reads on",
            host: "client",
            how: How::Dialogue(|| {
                closing(
                    vec![Write(100), Shutdown, ReadToEnd],
                    vec![ReadToEnd, Write(3000), Wait(MS(200)), Write(3000), Close],
                )
            }),
        },
        Run {
            name: "reset",
            what: "the client breaks off",
            host: "client",
            how: How::Dialogue(|| {
                closing(vec![Write(100), Wait(MS(100)), Reset], vec![Read(100), ReadToEnd])
            }),
        },
    ],
    ladders: &[
        Part { place: "active", from: 130, to: 1000, caption: "One end first." },
        Part { place: "both", from: 130, to: 1000, caption: "Both at once: the FINs cross." },
        Part {
            place: "half",
            from: 38,
            to: 1000,
            caption: "One direction is closed, the other one is not.",
        },
        Part { place: "reset", from: 130, to: 1000, caption: "With a reset." },
    ],
    pictures: &[
        Picture {
            name: "active",
            view: View::Ladder,
            places: &["active"],
            span: Some((0, 1000)),
            caption: "One end first.",
        },
        Picture {
            name: "both",
            view: View::Ladder,
            places: &["both"],
            span: Some((0, 1000)),
            caption: "Both at once: the FINs cross.",
        },
        Picture {
            name: "half",
            view: View::Ladder,
            places: &["half"],
            span: Some((0, 1000)),
            caption: "One direction is closed, the other one is not.",
        },
        Picture {
            name: "reset",
            view: View::Ladder,
            places: &["reset"],
            span: None,
            caption: "With a reset.",
        },
    ],
    claims: &[
        Claim {
            says: "Who closes first waits in the end, for 60 s here.",
            rule: "active: state path ESTABLISHED > FIN_WAIT_1 > FIN_WAIT_2 > TIME_WAIT > CLOSED",
        },
        Claim {
            says: "Who closes second does not.",
            rule: "active/server: state path ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSED",
        },
        Claim { says: "The client has closed it.", rule: "active: closed by us" },
        Claim { says: "For the server that is the peer.", rule: "active/server: closed by peer" },
        Claim { says: "When the FINs cross, nobody was first.", rule: "both: closed by both" },
        Claim {
            says: "Both ends pass CLOSING: the client, ...",
            rule: "both: state path FIN_WAIT_1 > CLOSING > TIME_WAIT",
        },
        Claim {
            says: "... and the server, too.",
            rule: "both/server: state path FIN_WAIT_1 > CLOSING > TIME_WAIT",
        },
        Claim {
            says: "After its FIN the client still receives 6,000 bytes.",
            rule: "half: text received == 6000",
        },
        Claim {
            says: "Meanwhile it is in FIN_WAIT_2.",
            rule: "half: state path FIN_WAIT_1 > FIN_WAIT_2 > TIME_WAIT",
        },
        Claim { says: "A reset needs one segment ...", rule: "reset: resets sent == 1" },
        Claim { says: "... and nobody waits.", rule: "reset: state path ESTABLISHED > CLOSED" },
        Claim {
            says: "Nor at the other end.",
            rule: "reset/server: state path ESTABLISHED > CLOSED",
        },
    ],
    questions: &[
        Question {
            asks: "Why does the end that closes first have to wait in TIME_WAIT, and not the other one?",
            answer: "It sends the last acknowledgment, and nothing tells it whether that has arrived. If it is lost, the \
                     other end sends its FIN again, and somebody has to be there to answer. And after twice the longest \
                     time that a segment lives, no old one is left that a new connection between the same ports could \
                     take for its own (RFC 9293 3.3.2).",
        },
        Question {
            asks: "How much text comes to the client in 'half' after it has said FIN, and what does it send meanwhile?",
            answer: "{text received of half}, all of it. It sends acknowledgments only: its own direction is closed, so \
                     it can never send text again.",
        },
        Question {
            asks: "A server that is written badly forgets to close. In which state do its connections pile up, and in \
                   which those of its clients?",
            answer: "Its own are in CLOSE_WAIT, for ever: the application alone can leave that state. The clients' are \
                     in FIN_WAIT_2, which most systems end after a minute when nobody reads any more.",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[("close", &["--impair", "delay=20ms"])],
        shows: &["close conn 1", "close conn 2", "close conn 3", "close conn 4"],
        client: LiveClient::CloseFourWays,
        claims: &[
            Claim {
                says: "The kernel closes first: the stack goes through CLOSE_WAIT and LAST_ACK.",
                rule: "close conn 1: state path ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSED",
            },
            Claim {
                says: "The stack closes first (daytime), and waits.",
                rule: "close conn 2: state path FIN_WAIT_1 > FIN_WAIT_2 > TIME_WAIT",
            },
            Claim {
                says: "The kernel closes one direction, and what it has sent comes back.",
                rule: "close conn 3: text sent == 3000",
            },
            Claim { says: "The kernel breaks off.", rule: "close conn 4: closed by reset" },
            Claim {
                says: "Then nobody waits.",
                rule: "close conn 4: state path ESTABLISHED > CLOSED",
            },
        ],
    }),
};

/// A flood of 500 SYNs a second, and a client that comes into the middle of it.
fn flooded(syn_cookies: bool) -> Dialogue {
    Dialogue {
        link: link("delay=20ms"),
        backlog: 64,
        syn_cookies,
        flood: Some(Flood { syns: 4000, every: MS(2) }),
        opens: MS(1000),
        client: vec![Write(200), Read(1000), Shutdown, ReadToEnd],
        server: vec![Read(200), Write(1000), ReadToEnd, Close],
        time_limit: Duration::from_secs(8),
        ..Dialogue::default()
    }
}

pub(super) static SYN_FLOOD: Lab = Lab {
    name: "syn-flood",
    title: "A SYN flood, and cookies against it",
    summary: "what half-open connections cost, and how to keep nothing of them",
    clauses: "RFC 4987 2 and 3.6",
    text: &[
        "A server that gets a SYN has to remember it until the third segment of the handshake comes: a half-open \
         connection. There is room for 64 of them here. An attacker sends 500 SYNs a second, under addresses that never \
         answer, and after an eighth of a second the room is full; what the server gives up again, the next SYN takes. \
         (Here it is a host to which no packet gets through, which comes to the same.)",
        "One second into the flood an honest client comes. In the run 'without' its SYN is refused, as that of anybody \
         else, and so is the one that it sends a second later, and the next one.",
        "In the run 'cookies' the server answers SYNs for which there is no room without remembering anything. What it \
         would have to remember is in the sequence number of its SYN,ACK, signed: the cookie. Who really gets that \
         segment acknowledges it, and so brings everything back that is needed to make the connection.",
    ],
    look_for: &[
        "In 'without' the client is alone: SYN after SYN, each twice as long after the last, and no answer.",
        "In 'cookies' its handshake looks like any other.",
        "The price of a cookie: it has few bits, so fewer options are remembered (window scale and SACK ride in the \
         timestamp here).",
    ],
    runs: &[
        Run {
            name: "without",
            what: "a server without cookies",
            host: "client",
            how: How::Dialogue(|| flooded(false)),
        },
        Run {
            name: "cookies",
            what: "the same server with cookies",
            host: "client",
            how: How::Dialogue(|| flooded(true)),
        },
    ],
    ladders: &[
        Part { place: "without", from: 0, to: 8000, caption: "The honest client without cookies." },
        Part { place: "cookies", from: 0, to: 8000, caption: "And with them." },
    ],
    pictures: &[
        Picture {
            name: "without",
            view: View::Ladder,
            places: &["without"],
            span: None,
            caption: "The honest client, and a server that has no room left.",
        },
        Picture {
            name: "cookies",
            view: View::Ladder,
            places: &["cookies"],
            span: None,
            caption: "The same client, when the server answers with cookies.",
        },
    ],
    claims: &[
        Claim {
            says: "Without cookies the honest client does not get in ...",
            rule: "without: state never ESTABLISHED",
        },
        Claim {
            says: "... although it asks again and again.",
            rule: "without: retransmissions >= 2",
        },
        Claim {
            says: "With cookies it is open after one round trip, ...",
            rule: "cookies: handshake rtt in 40ms..41ms",
        },
        Claim { says: "... without asking twice, ...", rule: "cookies: retransmissions == 0" },
        Claim { says: "... and gets its answer.", rule: "cookies: text received == 1000" },
        Claim {
            says: "The server has kept nothing of its SYN: there its connection begins when the cookie comes back.",
            rule: "cookies/server: sent handshake == 0",
        },
    ],
    questions: &[
        Question {
            asks: "How often does the client ask in 'without', and how long does it wait before the last time?",
            answer: "{segments sent of without} times. Before the last one it has waited {silence max of without}: the \
                     time-out starts with a second and doubles each time (RFC 6298 5.5).",
        },
        Question {
            asks: "Why does the server not use cookies always?",
            answer: "What does not fit into the cookie is forgotten, and a SYN,ACK that is lost is never sent again, \
                     since nobody remembers that it was sent. So they are for when there is no room.",
        },
        Question {
            asks: "Why can the attacker not simply make up an acknowledgment with a cookie?",
            answer: "The cookie is a keyed hash over both addresses, both ports and the time, and the server checks it. \
                     To have a valid one, one has to receive what the server sends to that address.",
        },
    ],
    live: Live::Not(
        "a flood under false addresses takes raw sockets, and a lab should not teach your machine to send one",
    ),
};

//! The resolver over a stack in memory, against servers on the other one, friendly and not.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{Icmpv4Type, PacketBuilder};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, RecordType};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::*;
use crate::client::tests::stacks;
use crate::device::{Device, memory};
use crate::net::{TcpListener, UdpSocket};
use crate::runtime;
use crate::stack::{Config, Stack};
use crate::wire::RxBatch;

/// What a server sends, for the number of a question and the question: messages, each from its own port or from
/// another one.
type Replies = Box<dyn Fn(usize, &Message) -> Vec<(bool, Vec<u8>)> + Send>;

/// A resolver and a server that answers so over UDP, and so over TCP.
struct World {
    resolver: Resolver,
    /// Senders and numbers of the questions that have come over UDP.
    asked: Arc<Mutex<Vec<(SocketAddr, u16)>>>,
    _tasks: JoinSet<()>,
}

async fn world(timeout_ms: u64, udp: Replies, tcp: Option<Vec<u8>>) -> World {
    let mut tasks = JoinSet::new();
    let (near, far) = stacks(&mut tasks);
    let any = ([0, 0, 0, 0], PORT);
    let socket = UdpSocket::bind(&far, any).await.unwrap();
    let foreign = UdpSocket::bind(&far, ([0, 0, 0, 0], 0)).await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    tasks.spawn(async move {
        let count = AtomicUsize::new(0);
        while let Ok((question, from)) = socket.recv_chunk_from().await {
            let question = Message::from_vec(&question).unwrap();
            seen.lock().unwrap().push((from, question.metadata.id));
            for (is_own, bytes) in udp(count.fetch_add(1, Ordering::Relaxed), &question) {
                let sender = if is_own { &socket } else { &foreign };
                sender.send_to(&bytes, from).await.unwrap();
            }
        }
    });
    if let Some(tail) = tcp {
        let listener = TcpListener::bind(&far, any).await.unwrap();
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let len = stream.read_u16().await.unwrap();
                let mut text = vec![0; len.into()];
                stream.read_exact(&mut text).await.unwrap();
                // An empty one stands for the right answer.
                let answer = if tail.is_empty() {
                    let mut answer = answered(&Message::from_vec(&text).unwrap());
                    (0..200).for_each(|host| add(&mut answer, "long.example.", a(host)));
                    framed(&answer.to_vec().unwrap())
                } else {
                    tail.clone()
                };
                stream.write_all(&answer).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
    }
    let resolver = Resolver {
        sockets: Sockets::Stack(near),
        server: ([10, 9, 0, 2], PORT).into(),
        timeout: Duration::from_millis(timeout_ms),
    };
    World { resolver, asked, _tasks: tasks }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = (message.len() as u16).to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

fn a(host: u8) -> RData {
    RData::A(A::new(10, 9, 0, host))
}

fn alias(to: &str) -> RData {
    RData::CNAME(CNAME(Name::from_ascii(to).unwrap()))
}

fn answered(question: &Message) -> Message {
    let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    answer.add_query(question.queries[0].clone());
    answer
}

fn add(message: &mut Message, name: &str, data: RData) {
    let name = Name::from_ascii(name).unwrap();
    message.add_answer(hickory_proto::rr::Record::from_rdata(name, 300, data));
}

/// A server that gives these records each time.
fn records(records: Vec<(&'static str, RData)>) -> Replies {
    Box::new(move |_, question| {
        let mut answer = answered(question);
        records.iter().for_each(|(name, data)| add(&mut answer, name, data.clone()));
        vec![(true, answer.to_vec().unwrap())]
    })
}

/// A server that says this code each time.
fn code(code: ResponseCode) -> Replies {
    Box::new(move |_, question| {
        let mut answer = answered(question);
        answer.metadata.response_code = code;
        vec![(true, answer.to_vec().unwrap())]
    })
}

fn truncated() -> Replies {
    Box::new(|_, question| {
        let mut answer = answered(question);
        answer.metadata.truncation = true;
        vec![(true, answer.to_vec().unwrap())]
    })
}

fn lines(answers: &Answers) -> Vec<String> {
    answers.records.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_name_leads_over_its_aliases_to_its_addresses() {
    let v6 = RData::AAAA(AAAA::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));
    // In an order of the server's, with capitals of its own, and records of no concern.
    let told = vec![
        ("other.example.", a(9)),
        ("HOST.example.", a(7)),
        ("web.example.", alias("Host.Example.")),
        ("host.example.", v6),
        ("www.example.", alias("web.example.")),
        ("host.example.", a(8)),
    ];
    let world = world(5000, records(told), None).await;
    let answers = world.resolver.lookup("www.example", Kind::A).await.unwrap();
    assert_eq!(answers.way, Way::Udp);
    let expected = [
        "www.example. 300 CNAME web.example.",
        "web.example. 300 CNAME Host.Example.",
        "HOST.example. 300 A 10.9.0.7",
        "host.example. 300 A 10.9.0.8",
    ];
    assert_eq!(lines(&answers), expected);
    let addresses: Vec<String> = answers.addresses().map(|ip| ip.to_string()).collect();
    assert_eq!(addresses, ["10.9.0.7", "10.9.0.8"]);
    let answers = world.resolver.lookup("host.example.", Kind::Aaaa).await.unwrap();
    assert_eq!(lines(&answers), ["host.example. 300 AAAA fd00::1"]);
    let answers = world.resolver.lookup("www.example", Kind::Cname).await.unwrap();
    assert_eq!(lines(&answers), ["www.example. 300 CNAME web.example."]);
}

#[tokio::test]
async fn a_question_that_is_lost_goes_again_from_the_same_place() {
    let third: Replies = Box::new(|number, question| match number {
        0 | 1 => Vec::new(),
        _ => records(vec![("a.example.", a(1))])(number, question),
    });
    let world = world(1300, third, None).await;
    let answers = world.resolver.lookup("a.example", Kind::A).await.unwrap();
    assert_eq!(lines(&answers), ["a.example. 300 A 10.9.0.1"]);
    let asked = world.asked.lock().unwrap();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|one| *one == asked[0]), "{asked:?}");
}

#[tokio::test]
async fn ports_and_numbers_cannot_be_guessed() {
    let world = world(5000, records(vec![("a.example.", a(1))]), None).await;
    for _ in 0..8 {
        world.resolver.lookup("a.example", Kind::A).await.unwrap();
    }
    let asked = world.asked.lock().unwrap();
    let differ = |what: fn(&(SocketAddr, u16)) -> u16| {
        let mut values: Vec<u16> = asked.iter().map(what).collect();
        // Eight in order would be a counter.
        let in_order = values.windows(2).all(|two| two[1].wrapping_sub(two[0]) == 1);
        values.sort_unstable();
        values.dedup();
        values.len() >= 6 && !in_order
    };
    assert!(differ(|(from, _)| from.port()) && differ(|(_, id)| *id), "{asked:?}");
}

#[tokio::test]
async fn what_does_not_fit_into_a_datagram_comes_over_tcp() {
    let world = world(5000, truncated(), Some(Vec::new())).await;
    let answers = world.resolver.lookup("long.example", Kind::A).await.unwrap();
    assert_eq!((answers.way, answers.records.len()), (Way::Tcp, 200));
}

#[tokio::test]
async fn what_answers_another_question_or_comes_from_elsewhere_is_passed_over() {
    let replies: Replies = Box::new(|_, question| {
        let right = {
            let mut answer = answered(question);
            add(&mut answer, "a.example.", a(1));
            answer
        };
        let forged = |change: &dyn Fn(&mut Message)| {
            let mut forged = answered(question);
            add(&mut forged, "a.example.", a(66));
            change(&mut forged);
            (true, forged.to_vec().unwrap())
        };
        let other = |name: &str, kind| Query::query(Name::from_ascii(name).unwrap(), kind);
        let (_, elsewhere) = forged(&|_| {});
        vec![
            (false, elsewhere),
            (true, Vec::new()),
            (true, vec![0xff; 12]),
            forged(&|message| message.metadata.id ^= 1),
            forged(&|message| message.metadata.message_type = MessageType::Query),
            forged(&|message| message.metadata.op_code = OpCode::Status),
            forged(&|message| message.queries = Vec::new()),
            forged(&|message| message.queries.push(other("a.example.", RecordType::A))),
            forged(&|message| message.queries = vec![other("b.example.", RecordType::A)]),
            forged(&|message| message.queries = vec![other("a.example.", RecordType::AAAA)]),
            (true, right.to_vec().unwrap()),
        ]
    });
    let world = world(5000, replies, None).await;
    let answers = world.resolver.lookup("a.example", Kind::A).await.unwrap();
    assert_eq!(lines(&answers), ["a.example. 300 A 10.9.0.1"]);
}

/// What a lookup of `www.example` fails with, in words.
async fn failure(timeout_ms: u64, udp: Replies, tcp: Option<Vec<u8>>) -> String {
    let world = world(timeout_ms, udp, tcp).await;
    let failed = world.resolver.lookup("www.example", Kind::A).await;
    failed.expect_err("it fails").to_string()
}

#[tokio::test]
async fn a_server_that_does_not_help_says_why() {
    for (said, part) in [
        (ResponseCode::NXDomain, "there is no name www.example., says the DNS server 10.9.0.2:53"),
        (ResponseCode::ServFail, "SERVFAIL"),
        (ResponseCode::Refused, "REFUSED"),
        (ResponseCode::FormErr, "10.9.0.2:53 does not answer"),
        (ResponseCode::Unknown(15), "10.9.0.2:53 does not answer"),
    ] {
        let error = failure(5000, code(said), None).await;
        assert!(error.contains(part), "{said}: {error}");
    }
}

#[tokio::test]
async fn aliases_that_lead_nowhere_are_named() {
    let many: Vec<(&str, RData)> = std::iter::once(("www.example.", alias("n0.example.")))
        .chain((0..20).map(|number: u32| {
            let name: &'static str = format!("n{number}.example.").leak();
            (name, alias(&format!("n{}.example.", number + 1)))
        }))
        .collect();
    for (told, part) in [
        (vec![], "www.example. has no A record"),
        (vec![("www.example.", alias("b.example."))], "b.example. has no A record"),
        (vec![("www.example.", alias("www.example."))], "round in a circle at www.example."),
        (
            vec![("www.example.", alias("b.example.")), ("b.example.", alias("WWW.example."))],
            "round in a circle",
        ),
        (many, "more than 16 others"),
    ] {
        let error = failure(5000, records(told), None).await;
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_or_talks_rubbish_is_given_up() {
    let error = failure(130, Box::new(|_, _| Vec::new()), None).await;
    assert!(error.contains("10.9.0.2:53 has not answered within 130ms"), "{error}");
    // A record that is cut off in its middle.
    let cut: Replies = Box::new(|_, question| {
        let (_, mut bytes) = records(vec![("www.example.", a(1))])(0, question).remove(0);
        bytes.truncate(bytes.len() - 2);
        vec![(true, bytes)]
    });
    let error = failure(130, cut, None).await;
    assert!(error.contains("sends what cannot be read"), "{error}");
    // 65,535 records, it says.
    let huge: Replies = Box::new(|_, question| {
        let (_, mut bytes) = records(vec![("www.example.", a(1))])(0, question).remove(0);
        bytes[6..8].copy_from_slice(&[0xff, 0xff]);
        vec![(true, bytes)]
    });
    let error = failure(130, huge, None).await;
    assert!(error.contains("sends what cannot be read"), "{error}");
}

#[tokio::test]
async fn over_tcp_it_may_fail_too() {
    let foreign =
        framed(&answered(&Message::from_vec(&asked("b.example")).unwrap()).to_vec().unwrap());
    for (tcp, part) in [
        (None, "cannot ask the DNS server 10.9.0.2:53 over TCP: connection refused"),
        (Some(vec![0]), "the connection ends in its middle"),
        (Some(vec![0xff, 0xff, 1, 2]), "the connection ends in its middle"),
        (Some(vec![0, 0]), "it answers another question"),
        (Some(foreign), "it answers another question"),
    ] {
        let error = failure(5000, truncated(), tcp).await;
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_a_way_to_it_is_an_error_at_once() {
    let mut world = world(60_000, code(ResponseCode::NoError), None).await;
    // Itself.
    world.resolver.server = ([10, 9, 0, 1], PORT).into();
    let error = world.resolver.lookup("www.example", Kind::A).await.unwrap_err().to_string();
    assert!(error.contains("cannot ask the DNS server 10.9.0.1:53 over UDP"), "{error}");
}

/// An alias and its target in zones of their own: the server tells of one at a time (RFC 1034 5.3.3, 4c).
#[tokio::test]
async fn what_an_alias_leads_to_is_asked_for_if_the_answer_does_not_tell() {
    let zones: Replies = Box::new(|number, question| {
        let (name, data) = match question.queries[0].name().to_ascii().as_str() {
            "www.example." => ("www.example.", alias("web.other.")),
            "web.other." => ("web.other.", alias("host.third.")),
            _ => ("host.third.", a(7)),
        };
        records(vec![(name, data)])(number, question)
    });
    let world = world(5000, zones, None).await;
    let answers = world.resolver.lookup("www.example", Kind::A).await.unwrap();
    let expected = [
        "www.example. 300 CNAME web.other.",
        "web.other. 300 CNAME host.third.",
        "host.third. 300 A 10.9.0.7",
    ];
    assert_eq!(lines(&answers), expected);
    assert_eq!(world.asked.lock().unwrap().len(), 3);
}

/// From one answer to the next without an end.
#[tokio::test]
async fn aliases_over_several_answers_are_counted_together() {
    for (modulus, part) in [(1000, "more than 16 others"), (3, "in a circle at n0.example.")] {
        let endless: Replies = Box::new(move |number, question| {
            let name = question.queries[0].name().to_ascii();
            let digits: String = name.chars().filter(char::is_ascii_digit).collect();
            let next = (digits.parse::<usize>().unwrap() + 1) % modulus;
            let name: &'static str = name.leak();
            records(vec![(name, alias(&format!("n{next}.example.")))])(number, question)
        });
        let world = world(60_000, endless, None).await;
        let error = world.resolver.lookup("n0.example", Kind::A).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert!(world.asked.lock().unwrap().len() <= 17);
    }
}

#[tokio::test]
async fn a_host_without_a_server_is_an_error_at_once() {
    let mut world = world(600_000, code(ResponseCode::NoError), None).await;
    world.resolver.server = ([10, 9, 0, 2], 5353).into();
    let error = world.resolver.lookup("www.example", Kind::A).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot ask the DNS server 10.9.0.2:5353 over UDP: port unreachable (10.9.0.2 says so)"
    );
}

#[test]
fn an_error_about_another_question_is_not_believed() {
    let question = Question::new("a.example", Kind::A).unwrap();
    let mut other = question.bytes.clone();
    other[1] ^= 1;
    for quoted in [&question.bytes[..], &question.bytes[..2]] {
        assert!(question.is_quoted_as(quoted) && question.may_be_quoted_as(quoted));
    }
    // Whoever has not seen the question could have said that.
    for quoted in [&b""[..], &question.bytes[..1]] {
        assert!(!question.is_quoted_as(quoted) && question.may_be_quoted_as(quoted));
    }
    assert!(!question.is_quoted_as(&other) && !question.may_be_quoted_as(&other));
}

/// What a lookup fails with when a router says that of each question, of which it quotes so many bytes.
async fn reported(what: DestUnreachableHeader, quoted: usize) -> LookupError {
    let mut tasks = JoinSet::new();
    let (one, mut other) = memory::pair(1500);
    let config = Config::new([10, 9, 0, 1].into(), 24, [1; 32]);
    let (net, driver) = runtime::start(Stack::new(config), one).unwrap();
    tasks.spawn(async { drop(driver.await) });
    tasks.spawn(async move {
        loop {
            poll_fn(|cx| other.poll_readable(cx)).await;
            let mut rx = RxBatch::new();
            other.receive(&mut rx, 1).unwrap();
            let asked = rx.pop_front().unwrap().bytes;
            let error = Icmpv4Type::DestinationUnreachable(what.clone());
            let builder = PacketBuilder::ipv4([10, 9, 0, 254], [10, 9, 0, 1], 64).icmpv4(error);
            let mut packet = Vec::new();
            builder.write(&mut packet, &asked[..quoted.min(asked.len())]).unwrap();
            other.send_packets(&mut VecDeque::from([packet.into()])).unwrap();
        }
    });
    let timeout = Duration::from_millis(130);
    let (sockets, server) = (Sockets::Stack(net), ([10, 9, 0, 2], PORT).into());
    let resolver = Resolver { sockets, server, timeout };
    resolver.lookup("www.example", Kind::A).await.expect_err("it fails")
}

/// What may pass by itself is waited for, and told when it has not.
#[tokio::test]
async fn what_the_network_has_reported_is_told() {
    let soft = reported(DestUnreachableHeader::Host, 1500).await.to_string();
    let sentence = "the DNS server 10.9.0.2:53 has not answered within 130ms: \
                    host unreachable (10.9.0.254 says so)";
    assert_eq!(soft, sentence);
    let hard = reported(DestUnreachableHeader::FilterProhibited, 1500).await;
    assert!(matches!(hard, LookupError::Io(_, Way::Udp, _)), "{hard}");
    // Without a word of the question anybody could have said it.
    let blind = reported(DestUnreachableHeader::FilterProhibited, 28).await;
    assert!(matches!(&blind, LookupError::Reported(..)), "{blind}");
    assert!(blind.to_string().contains("prohibited by 10.9.0.254"), "{blind}");
}

/// RFC 2181 8.
#[tokio::test]
async fn a_time_with_its_highest_bit_is_none() {
    let replies: Replies = Box::new(|_, question| {
        let mut answer = answered(question);
        for (host, ttl) in [(1, u32::MAX), (2, 1 << 31), (3, (1 << 31) - 1)] {
            let name = Name::from_ascii("a.example.").unwrap();
            answer.add_answer(hickory_proto::rr::Record::from_rdata(name, ttl, a(host)));
        }
        vec![(true, answer.to_vec().unwrap())]
    });
    let world = world(5000, replies, None).await;
    let answers = world.resolver.lookup("a.example", Kind::A).await.unwrap();
    let ttls: Vec<u32> = answers.records.iter().map(|record| record.ttl).collect();
    assert_eq!(ttls, [0, 0, (1 << 31) - 1]);
}

/// It is not the name that was asked for which is missing (RFC 6604 3).
#[tokio::test]
async fn a_name_that_is_missing_at_the_end_of_aliases_is_named() {
    let replies: Replies = Box::new(|_, question| {
        let mut answer = answered(question);
        answer.metadata.response_code = ResponseCode::NXDomain;
        add(&mut answer, "www.example.", alias("web.example."));
        add(&mut answer, "web.example.", alias("gone.example."));
        vec![(true, answer.to_vec().unwrap())]
    });
    let error = failure(5000, replies, None).await;
    assert!(error.contains("there is no name gone.example., says"), "{error}");
}

/// What there is in an answer, or led on from there.
fn followed(question: &Question, reading: Reading) -> Vec<Record> {
    let kind = match question.kind {
        RecordType::CNAME => Kind::Cname,
        _ => Kind::A,
    };
    let mut chain = Chain::new(question, kind, ([10, 9, 0, 2], PORT).into());
    let _ = chain.follow(reading);
    chain.found
}

fn asked(name: &str) -> Vec<u8> {
    Question::new(name, Kind::A).unwrap().bytes
}

#[test]
fn names_are_what_dns_can_carry() {
    let long = "a".repeat(64);
    let longer = vec!["abcdefgh"; 40].join(".");
    for bad in ["", ".", "a..b", &long, &longer] {
        let error = Question::new(bad, Kind::A).err().expect(bad).to_string();
        assert!(error.contains("is no name that DNS knows how to ask for"), "{error}");
    }
    let international = Question::new("bücher.example", Kind::A).unwrap();
    assert_eq!(international.name.to_ascii(), "xn--bcher-kva.example.");
    let plain = Message::from_vec(&asked("a_b.example")).unwrap();
    assert_eq!(plain.queries[0].name().to_ascii(), "a_b.example.");
    assert!(plain.metadata.recursion_desired);
}

/// A question as dig asks it: of a kind that we know nothing of, and with what it takes.
fn foreign() -> Message {
    let mut message = Message::new(0x1234, MessageType::Query, OpCode::Query);
    message.metadata.checking_disabled = true;
    message.add_query(Query::query(Name::from_ascii("Www.Example.").unwrap(), RecordType::MX));
    let mut edns = Edns::new();
    edns.set_max_payload(4096).set_dnssec_ok(true);
    message.set_edns(edns);
    message
}

/// What is asked for somebody else is asked under another number, with the rest as it was; and the answer comes as the
/// server has sent it, code and all.
#[tokio::test]
async fn a_question_of_somebody_else_is_handed_on() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let server: Replies = Box::new(move |_, question| {
        seen.lock().unwrap().push(question.clone());
        let mut wrong = answered(question);
        wrong.metadata.id ^= 1;
        let mut other = answered(question);
        other.queries[0].set_query_type(RecordType::TXT);
        let mut answer = answered(question);
        answer.metadata.response_code = ResponseCode::NXDomain;
        answer.metadata.authoritative = true;
        [wrong, other, answer].map(|answer| (true, answer.to_vec().unwrap())).into()
    });
    let world = world(60_000, server, None).await;
    let question = foreign();
    let answer = world.resolver.relay(&question.to_vec().unwrap()).await.unwrap();
    let mut expected = answered(&question);
    expected.metadata.response_code = ResponseCode::NXDomain;
    expected.metadata.authoritative = true;
    assert_eq!(answer, expected.to_vec().unwrap());
    let mut asked = asked.lock().unwrap().remove(0);
    assert_eq!(asked.edns.as_ref().map(Edns::max_payload), Some(1232));
    asked.edns.as_mut().unwrap().set_max_payload(4096);
    asked.metadata.id = question.metadata.id;
    assert_eq!(asked, question);
}

#[tokio::test]
async fn what_is_too_long_for_a_datagram_is_handed_on_over_tcp() {
    let world = world(60_000, truncated(), Some(Vec::new())).await;
    let answer = world.resolver.relay(&foreign().to_vec().unwrap()).await.unwrap();
    let answer = Message::from_vec(&answer).unwrap();
    assert_eq!((answer.metadata.id, answer.answers.len()), (0x1234, 200));
    assert!(!answer.metadata.truncation);
}

#[tokio::test]
async fn what_is_no_question_is_not_handed_on() {
    let world = world(60_000, records(Vec::new()), None).await;
    let question = foreign().to_vec().unwrap();
    let mut two = foreign();
    two.add_query(two.queries[0].clone());
    for bytes in [&[][..], &question[..20], &two.to_vec().unwrap()] {
        let error = world.resolver.relay(bytes).await.unwrap_err().to_string();
        assert!(error.starts_with("this is no question for a DNS server: "), "{error}");
    }
    assert!(world.asked.lock().unwrap().is_empty());
}

#[test]
fn a_terminal_obeys_no_name() {
    let question = Question::new("a.example", Kind::A).unwrap();
    let mut answer = answered(&Message::from_vec(&question.bytes).unwrap());
    let evil = Name::from_labels([&b"\x1b[2J\n"[..], b"example"]).unwrap();
    add(&mut answer, "a.example.", RData::CNAME(CNAME(evil.clone())));
    answer.add_answer(hickory_proto::rr::Record::from_rdata(evil, 1, a(1)));
    let Ok(reading) = message::read(&question, &answer.to_vec().unwrap()) else { panic!() };
    for record in followed(&question, reading) {
        let text = record.to_string();
        assert!(text.chars().all(|char| !char.is_control()), "{text:?}");
    }
}

proptest! {
    /// Whatever comes: an answer, a sentence or nothing, and never more than there were bytes for.
    #[test]
    fn any_message_can_be_read(
        tail in prop::collection::vec(any::<u8>(), 0..600),
        counts in any::<[u8; 6]>(),
        flags in prop::option::weighted(0.2, any::<[u8; 2]>()),
        mut bytes in prop::collection::vec(any::<u8>(), 0..64),
        cname in any::<bool>(),
    ) {
        let kind = if cname { Kind::Cname } else { Kind::A };
        let question = Question::new("a.example", kind).unwrap();
        let mut message = question.bytes.clone();
        message[2..4].copy_from_slice(&flags.unwrap_or([0x80, 0]));
        message[6..12].copy_from_slice(&counts);
        message.extend(tail);
        bytes.splice(0..0, question.bytes[..2].iter().copied());
        for text in [message, bytes] {
            if let Ok(reading) = message::read(&question, &text) {
                prop_assert!(followed(&question, reading).len() <= text.len() / 11);
            }
        }
    }

    /// The same with bytes that mean something: right records with some bytes changed.
    #[test]
    fn a_damaged_answer_can_be_read(
        changes in prop::collection::vec((12_usize..400, any::<u8>()), 0..12),
    ) {
        let question = Question::new("a.example", Kind::A).unwrap();
        let mut answer = answered(&Message::from_vec(&question.bytes).unwrap());
        for (from, to) in [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")] {
            add(&mut answer, &format!("{from}.example."), alias(&format!("{to}.example.")));
        }
        add(&mut answer, "d.example.", a(1));
        let mut bytes = answer.to_vec().unwrap();
        for (at, value) in changes {
            let len = bytes.len();
            bytes[at % len] = value;
        }
        if let Ok(reading) = message::read(&question, &bytes) {
            prop_assert!(followed(&question, reading).len() <= 5);
        }
    }
}

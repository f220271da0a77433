//! What is said to which message, and how many wait at a time.

use std::net::Ipv4Addr;
use std::sync::Mutex;

use hickory_proto::op::Edns as Said;
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record};
use proptest::prelude::*;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::service::{Service, serve_listener, serve_socket as serve_service};

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// A question of this kind, by a client that takes so much.
fn question(kind: RecordType, takes: Option<u16>) -> Message {
    let mut message = Message::new(0xabcd, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii("Www.Example.").unwrap(), kind));
    if let Some(takes) = takes {
        let mut edns = Said::new();
        edns.set_max_payload(takes).set_dnssec_ok(true);
        message.set_edns(edns);
    }
    message
}

/// So many records of 16 bytes.
fn answer(question: &Message, records: u8) -> Vec<u8> {
    let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    answer.add_query(question.queries[0].clone());
    answer.metadata.authoritative = true;
    for host in 0..records {
        let name = question.queries[0].name().clone();
        answer.add_answer(Record::from_rdata(name, 60, RData::A(A::new(10, 9, 0, host))));
    }
    answer.to_vec().unwrap()
}

fn asked(message: &Message) -> Request {
    match Request::read(&message.to_vec().unwrap()) {
        Todo::Ask(request) => request,
        other => panic!("{other:?}"),
    }
}

/// What is said at once, to bytes.
fn said(bytes: &[u8]) -> Message {
    match Request::read(bytes) {
        Todo::Say(answer) => Message::from_vec(&answer).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn questions_are_for_the_server() {
    for kind in [RecordType::A, RecordType::MX, RecordType::ANY, RecordType::Unknown(999)] {
        let request = asked(&question(kind, None));
        assert_eq!((request.datagram(), request.edns), (512, None));
    }
    for (takes, datagram) in [(0, 512), (512, 512), (1000, 1000), (4096, 1232), (65_535, 1232)] {
        assert_eq!(asked(&question(RecordType::A, Some(takes))).datagram(), datagram);
    }
}

#[test]
fn what_is_no_question_gets_a_code() {
    let whole = question(RecordType::A, Some(1232)).to_vec().unwrap();
    let changed = |at: usize, value: u8| {
        let mut bytes = whole.clone();
        bytes[at] = value;
        bytes
    };
    // No question, two of them, a name without an end, a record that is not there, an OPT that is cut off.
    for bytes in [changed(5, 0), changed(5, 2), whole[..20].to_vec(), changed(7, 1), {
        let len = whole.len();
        whole[..len - 1].to_vec()
    }] {
        let answer = said(&bytes);
        assert_eq!(answer.metadata.response_code, ResponseCode::FormErr, "{bytes:?}");
        assert_eq!((answer.metadata.id, answer.metadata.recursion_desired), (0xabcd, true));
    }
    // A status query (RFC 1035 4.1.1), an update, and a whole zone.
    for (opcode, code) in [(2, ResponseCode::NotImp), (5, ResponseCode::NotImp)] {
        let answer = said(&changed(2, opcode << 3));
        assert_eq!(answer.metadata.response_code, code);
        assert_eq!(answer.metadata.op_code, OpCode::from_u8(opcode));
    }
    let zone = said(&question(RecordType::AXFR, None).to_vec().unwrap());
    assert_eq!(zone.metadata.response_code, ResponseCode::Refused);
    // To an answer nothing is said, nor to what has no header or no end.
    let endless = [&whole[..], &[0; QUESTION_MAX]].concat();
    for bytes in [changed(2, 0x81), whole[..11].to_vec(), Vec::new(), endless] {
        assert_eq!(Request::read(&bytes), Todo::Nothing);
    }
}

#[test]
fn an_answer_that_does_not_fit_is_cut() {
    for (takes, fits, too_many) in [(None, 30, 31), (Some(1232), 75, 76), (Some(9000), 75, 76)] {
        let question = question(RecordType::A, takes);
        let request = asked(&question);
        let whole = answer(&question, fits);
        assert_eq!(request.fitted(whole.clone()), whole);
        let cut = Message::from_vec(&request.fitted(answer(&question, too_many))).unwrap();
        assert!(cut.metadata.truncation && cut.metadata.authoritative, "{takes:?}: {cut}");
        assert_eq!((cut.metadata.id, cut.answers.len()), (0xabcd, 0));
        assert_eq!(cut.queries, question.queries);
        // Whoever speaks EDNS is answered so.
        let own = cut.edns.map(|edns| (edns.max_payload(), edns.flags().dnssec_ok));
        assert_eq!(own, takes.map(|_| (1232, true)));
    }
}

/// A server whose answers the test gives: each question, and where its answer goes.
type Questions = UnboundedReceiver<(Vec<u8>, tokio::sync::oneshot::Sender<Vec<u8>>)>;

fn context() -> (Arc<ServiceContext>, Questions) {
    let (tell, questions) = unbounded_channel();
    let tell = Mutex::new(tell);
    let forward = Forward::new(move |question| {
        let (reply, answer) = tokio::sync::oneshot::channel();
        tell.lock().unwrap().send((question, reply)).unwrap();
        Box::pin(async { answer.await.map_err(|error| error.to_string()) })
    });
    let context = ServiceContext { forward: Some(forward), ..ServiceContext::default() };
    (Arc::new(context), questions)
}

/// A socket of a client, to whom the service answers.
async fn over_udp(context: &Arc<ServiceContext>) -> UdpSocket {
    let socket = UdpSocket::bind(LOOPBACK).await.unwrap();
    let client = UdpSocket::bind(LOOPBACK).await.unwrap();
    client.connect(socket.local_addr().unwrap()).await.unwrap();
    tokio::spawn(serve_service(socket, Service::Dns, Arc::clone(context)));
    client
}

async fn over_tcp(context: &Arc<ServiceContext>) -> TcpStream {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::spawn(serve_listener(listener, Service::Dns, Arc::clone(context)));
    client
}

async fn received(socket: &UdpSocket) -> Message {
    let mut buffer = [0; 2000];
    let len = socket.recv(&mut buffer).await.unwrap();
    Message::from_vec(&buffer[..len]).unwrap()
}

async fn read(stream: &mut TcpStream) -> Message {
    let mut message = vec![0; stream.read_u16().await.unwrap().into()];
    stream.read_exact(&mut message).await.unwrap();
    Message::from_vec(&message).unwrap()
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

#[tokio::test]
async fn what_is_cut_over_udp_is_whole_over_tcp() {
    let (context, mut questions) = context();
    let (socket, mut stream) = (over_udp(&context).await, over_tcp(&context).await);
    let question = question(RecordType::A, Some(4096));
    let bytes = question.to_vec().unwrap();
    for records in [1, 200] {
        socket.send(&bytes).await.unwrap();
        let (asked, reply) = questions.recv().await.unwrap();
        assert_eq!(asked, bytes);
        reply.send(answer(&question, records)).unwrap();
        let cut = received(&socket).await;
        let expected = if records == 1 { (false, 1) } else { (true, 0) };
        assert_eq!((cut.metadata.truncation, cut.answers.len()), expected);
        stream.write_all(&framed(&bytes)).await.unwrap();
        questions.recv().await.unwrap().1.send(answer(&question, records)).unwrap();
        assert_eq!(read(&mut stream).await.answers.len(), usize::from(records));
    }
    // What is wrong is said there too, and what is too long ends the connection.
    stream.write_all(&framed(&bytes[..14])).await.unwrap();
    assert_eq!(read(&mut stream).await.metadata.response_code, ResponseCode::FormErr);
    stream.write_all(&framed(&[0; QUESTION_MAX + 1])).await.unwrap();
    assert!(read_message(&mut stream).await.unwrap().is_none());
}

/// A server that answers nothing costs so many places and no more, and gives them back.
#[tokio::test(start_paused = true)]
async fn so_many_questions_wait_for_the_server() {
    let (context, mut questions) = context();
    let socket = over_udp(&context).await;
    let mut message = question(RecordType::A, None);
    let mut held = Vec::new();
    for number in 0..WAITING_MAX {
        message.metadata.id = number as u16;
        socket.send(&message.to_vec().unwrap()).await.unwrap();
        held.push(questions.recv().await.unwrap());
    }
    message.metadata.id = 0xffff;
    socket.send(&message.to_vec().unwrap()).await.unwrap();
    let refused = received(&socket).await;
    assert_eq!(refused.metadata.id, 0xffff);
    assert_eq!(refused.metadata.response_code, ResponseCode::ServFail);
    assert!(questions.is_empty());
    // Time passes, because nothing else happens.
    for _ in 0..WAITING_MAX {
        let failed = received(&socket).await;
        assert_eq!(failed.metadata.response_code, ResponseCode::ServFail);
    }
    socket.send(&message.to_vec().unwrap()).await.unwrap();
    let (_, reply) = questions.recv().await.unwrap();
    reply.send(answer(&message, 3)).unwrap();
    assert_eq!(received(&socket).await.answers.len(), 3);
}

/// A server that cannot be asked, and one that answers with what is no message.
#[tokio::test]
async fn without_an_answer_it_fails() {
    let (context, mut questions) = context();
    let socket = over_udp(&context).await;
    let bytes = question(RecordType::A, Some(1232)).to_vec().unwrap();
    for reply in [None, Some(vec![1, 2, 3])] {
        socket.send(&bytes).await.unwrap();
        let (_, answer) = questions.recv().await.unwrap();
        match reply {
            Some(reply) => answer.send(reply).unwrap(),
            None => drop(answer),
        }
        let failed = received(&socket).await;
        assert_eq!(failed.metadata.response_code, ResponseCode::ServFail);
        assert!(failed.metadata.recursion_available && failed.edns.is_some());
    }
    let nobody = over_udp(&Arc::new(ServiceContext::default())).await;
    nobody.send(&bytes).await.unwrap();
    assert_eq!(received(&nobody).await.metadata.response_code, ResponseCode::ServFail);
}

proptest! {
    /// Whatever comes: no answer is longer than a question with ours added, each is an answer, and none is to one.
    #[test]
    fn any_message_can_be_read(
        mut bytes in prop::collection::vec(any::<u8>(), 0..100),
        changes in prop::collection::vec((0_usize..60, any::<u8>()), 0..6),
        random in any::<bool>(),
    ) {
        if !random {
            bytes = question(RecordType::A, Some(1232)).to_vec().unwrap();
            for (at, value) in changes {
                let len = bytes.len();
                bytes[at % len] = value;
            }
        }
        let is_answer = bytes.get(2).is_some_and(|flags| flags & 0x80 != 0);
        let answer = match Request::read(&bytes) {
            Todo::Nothing => return Ok(()),
            Todo::Say(answer) => answer,
            Todo::Ask(request) => request.cut(&bytes),
        };
        prop_assert!(!is_answer && answer.len() <= bytes.len() + 11);
        prop_assert_eq!(&answer[..2], &bytes[..2]);
    }
}

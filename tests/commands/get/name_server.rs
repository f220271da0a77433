//! A DNS server that has every name at 10.9.0.2, but `long.test` only over TCP, and the web server of the small services.

use std::sync::Arc;

use glasstcp::net::{Net, TcpListener, UdpSocket};
use glasstcp::service::{Service, ServiceContext, serve_listener};
use hickory_proto::op::{Message, MessageType, OpCode};
use hickory_proto::rr::{RData, Record, rdata::A};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::Inner;

/// Starts both on a stack of their own.
pub fn start() -> Inner {
    Inner::start(serve)
}

async fn serve(net: Net) {
    let any = |port: u16| ([0, 0, 0, 0], port);
    let web = TcpListener::bind(&net, any(80)).await.expect("a free port");
    tokio::spawn(serve_listener(web, Service::Http, Arc::new(ServiceContext::default())));
    let listener = TcpListener::bind(&net, any(53)).await.expect("a free port");
    tokio::spawn(over_tcp(listener));
    let socket = UdpSocket::bind(&net, any(53)).await.expect("a free port");
    while let Ok((text, from)) = socket.recv_chunk_from().await {
        let question = Message::from_vec(&text).expect("a message");
        socket.send_to(&answer(&question, false), from).await.expect("it can be sent");
    }
}

async fn over_tcp(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut text = vec![0; stream.read_u16().await.expect("a length").into()];
        stream.read_exact(&mut text).await.expect("a message");
        let answer = answer(&Message::from_vec(&text).expect("a message"), true);
        stream.write_u16(answer.len() as u16).await.expect("it can be sent");
        stream.write_all(&answer).await.expect("it can be sent");
    }
}

fn answer(question: &Message, all: bool) -> Vec<u8> {
    let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    let query = question.queries[0].clone();
    if all || query.name().to_ascii() != "long.test." {
        let address = RData::A(A::new(10, 9, 0, 2));
        answer.add_answer(Record::from_rdata(query.name().clone(), 60, address));
    } else {
        answer.metadata.truncation = true;
    }
    answer.add_query(query);
    answer.to_vec().expect("it is short")
}

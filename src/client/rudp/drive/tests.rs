use super::*;
use crate::client::Sockets;

/// Both over sockets of the kernel.
async fn transfer(
    target: &Target,
    text: &[u8],
    to: u16,
) -> (Result<Sent, SendError>, Vec<Arrival>) {
    let listening = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let port = if to == 0 { listening.local_addr().expect("it is bound").port() } else { to };
    let sending = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let linger = Duration::from_millis(1);
    let receiving = receiver::Config { linger, ..receiver::Config::default() };
    let config =
        sender::Config { rto: Duration::from_millis(20), tries: 20, ..sender::Config::default() };
    let mut arrivals = Vec::new();
    let to = ([127, 0, 0, 1], port).into();
    let receiving = receive(&listening, target, receiving, |arrival| {
        let last = matches!(arrival, Arrival::Gone { .. });
        arrivals.push(arrival);
        last
    });
    let sending = send(&sending, to, text, (config, 100), |_| {});
    let sent = tokio::select! {
        sent = async { tokio::join!(sending, receiving).0 } => sent,
        // A receiver to which nobody sends does not end.
        () = sleep(Duration::from_secs(20)) => panic!("it does not end"),
    };
    (sent, arrivals)
}

#[tokio::test]
async fn a_file_goes_from_socket_to_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::File(folder.path().join("file"));
    for len in [0, 1, 99, 100, 101, 200, 5000] {
        let text: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let (sent, arrivals) = transfer(&target, &text, 0).await;
        let sent = sent.expect("it arrives");
        assert_eq!(sent.counts.bytes, len);
        let whole = arrivals.iter().find_map(|arrival| match arrival {
            Arrival::Whole { path, sha256, .. } => Some((path.clone(), sha256.clone())),
            _ => None,
        });
        let (path, sha256) = whole.expect("it is whole");
        assert_eq!((std::fs::read(path).expect("it is there"), sha256), (text, sent.sha256));
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_a_sentence() {
    let sending = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let silent = Sockets::Kernel.datagrams(0).await.expect("a socket");
    let port = silent.local_addr().expect("it is bound").port();
    let config = sender::Config { rto: Duration::from_millis(1), tries: 3, ..Default::default() };
    let to = ([127, 0, 0, 1], port).into();
    let sent = send(&sending, to, &b"text"[..], (config, 100), |_| {}).await;
    let error = sent.expect_err("nobody answers").to_string();
    assert!(error.contains("has never answered (8 packets sent)"), "{error}");
    assert!(error.contains(&port.to_string()) && !error.contains('\n'), "{error}");
}

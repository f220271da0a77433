use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Serve {
    #[command(flatten)]
    args: Args,
}

fn parse(line: &str) -> Result<Args, String> {
    let words = std::iter::once("serve").chain(line.split_whitespace());
    let args = Serve::try_parse_from(words).map_err(|error| error.to_string())?.args;
    args.check().map_err(|error| error.to_string())?;
    Ok(args)
}

#[test]
fn the_command_line_is_read() {
    let args = parse("--kernel 127.0.0.1:8080 http --www /srv").unwrap();
    assert_eq!(args.kernel, SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
    assert_eq!((args.service, args.www), (Service::Http, Some("/srv".into())));
    assert!(parse("echo --kernel [::1]:0").unwrap().kernel.is_ipv6());
}

#[test]
fn mistakes_are_refused_with_the_way_out() {
    for (line, part) in [
        ("http", "--kernel <ADDRESS:PORT>"),
        ("--kernel 127.0.0.1:80", "<NAME>"),
        ("--kernel 127.0.0.1 http", "the port is missing: write an address and a port"),
        ("--kernel ::1 http", "the port is missing"),
        ("--kernel localhost:80 http", "not an address with a port"),
        ("--kernel 127.0.0.1:65536 http", "not an address with a port"),
        ("--kernel 127.0.0.256:80 http", "as 127.0.0.1:8080 or [::1]:8080"),
        ("--kernel 127.0.0.1:80 gopher", "choose one of echo, discard"),
        ("--kernel 127.0.0.1:80 echo --www /srv", "--www is for http and tasks, not for echo"),
        ("--kernel 127.0.0.1:80 echo --ping-loss 1%", "--ping-loss is for ping, not for echo"),
        ("--kernel 127.0.0.1:80 echo --dns 127.0.0.1", "--dns is for tasks and dns, not for echo"),
        ("--kernel 127.0.0.1:53 dns", "say to which with --dns SERVER"),
        ("--kernel 127.0.0.1:80 ping --ping-loss 101%", "at most 100%"),
    ] {
        let error = parse(line).expect_err(line);
        assert!(error.contains(part), "{line}: {error}");
    }
}

#[test]
fn the_welcome_says_where_and_what_to_try() {
    let text = |service, place: &str| welcome(service, place.parse().unwrap());
    assert_eq!(
        text(Service::Http, "127.0.0.1:8080"),
        "glasstcp serves http on 127.0.0.1:8080, over the kernel's TCP\n\
         try: curl http://127.0.0.1:8080/\nCtrl-C ends it\n"
    );
    assert!(text(Service::Http, "[::]:80").contains("curl http://[::1]:80/\n"));
    assert!(text(Service::Echo, "0.0.0.0:7").contains("telnet 127.0.0.1 7\n"));
}

#[tokio::test]
async fn sockets_that_cannot_be_are_explained() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let place = taken.local_addr().unwrap();
    let said = |place, error: io::Error| bind_error(place, &error);
    let error = TcpListener::bind(place).await.unwrap_err();
    assert!(said(place, error).contains("is in use: end what has it"));
    // 192.0.2.0/24 is for documentation: no machine has it, and nothing is sent there.
    let absent = SocketAddr::from(([192, 0, 2, 1], 80));
    let error = TcpListener::bind(absent).await.unwrap_err();
    assert!(said(absent, error).starts_with("192.0.2.1 is not an address of this machine"));
    let denied = io::ErrorKind::PermissionDenied.into();
    assert!(said(absent, denied).contains("a port from 1024 on"));
}

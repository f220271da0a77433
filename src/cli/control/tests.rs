use super::*;

#[test]
fn sockets_are_named_by_device_and_namespace() {
    assert_eq!(socket_name("glass0", None), "glass0");
    assert_eq!(socket_name("glass0", Some("lab")), "glass0@lab");
}

#[test]
fn several_queues_have_no_link_to_make_bad() {
    let handle = handler(None, None);
    let Answer::Reply(reply) = handle(Request::Impair { spec: None }) else { panic!("opened") };
    let Reply::Error(sentence) = *reply else { panic!("{reply:?}") };
    assert!(sentence.contains("without --queues"), "{sentence}");
}

#[test]
fn rules_are_applied_and_what_is_in_force_is_told() {
    let link = LinkHandle::new(1);
    let handle = handler(Some(link.clone()), None);
    let reply = |request| match handle(request) {
        Answer::Reply(reply) => *reply,
        Answer::Take(_) | Answer::Tell(_) => panic!("there is nothing to open"),
    };
    let ask = |spec: Option<&str>| reply(Request::Impair { spec: spec.map(str::to_owned) });
    let Reply::Link(status) = ask(Some("delay=20ms out:loss=1%")) else { panic!("refused") };
    assert_eq!(status.out.rules, "delay=20ms loss=1%");
    assert_eq!(status.back.rules, "delay=20ms");
    let Reply::Link(status) = ask(Some("in:clear delay=5ms")) else { panic!("refused") };
    assert_eq!(status.out.rules, "loss=1% delay=5ms");
    assert_eq!(status.back.rules, "delay=5ms");
    let Reply::Link(again) = ask(None) else { panic!("refused") };
    assert_eq!(again, status);
    assert_eq!(link.report()[1].spec.to_string(), "in:delay=5ms");
    let Reply::Error(sentence) = ask(Some(&"drop:syn ".repeat(2000))) else { panic!("taken") };
    assert!(sentence.contains("more than 1000 rules"), "{sentence}");
    let Reply::Error(sentence) = ask(Some("delay=soon")) else { panic!("taken") };
    assert!(sentence.contains("'delay=soon' is not a time"), "{sentence}");
    let Reply::Link(unchanged) = ask(None) else { panic!("refused") };
    assert_eq!(unchanged, status, "what cannot be read changes nothing");
    let Reply::Error(sentence) = reply(Request::Datagrams { port: 7 }) else { panic!("opened") };
    assert!(sentence.contains("no stack"), "{sentence}");
}

#[test]
fn a_state_that_there_is_not_is_refused() {
    let filter = |state: &str| control::SocketFilter {
        states: vec!["estab".to_owned(), state.to_owned()],
        ..Default::default()
    };
    assert_eq!(filter("TIME-wait").unknown_state(), None);
    assert_eq!(filter("bogus").unknown_state(), Some("bogus"));
}

#[test]
fn an_older_one_and_one_that_cannot_be_understood_are_told_of() {
    for unknown in ["unknown variant `metrics`, expected one of ...", "unknown field `version`"] {
        let error = granted(Reply::Error(format!("this is not a request: {unknown}"))).unwrap_err();
        assert!(error.to_string().contains("(version 1 of the control protocol)"), "{error}");
    }
    let error = granted(Reply::Error("no\u{1b}[1m".to_owned())).unwrap_err();
    assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
    let odd = serde_json::from_str::<Reply>("{\"weather\":1}").unwrap_err();
    let sentence = ask_error(Path::new("/run/it.sock"), &odd.into());
    assert!(sentence.contains("use the same version of both"), "{sentence}");
}

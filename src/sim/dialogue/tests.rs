use std::sync::{Arc, Mutex};

use super::*;
use crate::device::impair::Decision;
use crate::event::{Event, State};
use crate::sim::{Vantage, Watch};

/// The states of both hosts as they change.
#[derive(Default)]
struct States(Vec<(String, State)>);

impl Watch for States {
    fn event(&mut self, _: Instant, host: &str, event: &Event) {
        if let Event::StateChanged { to, .. } = event {
            self.0.push((host.to_owned(), *to));
        }
    }

    fn packet(&mut self, _: Instant, _: Vantage, _: &str, _: &[u8]) {}

    fn decision(&mut self, _: Direction, _: &Decision) {}

    fn backlog(&mut self, _: Instant, _: usize, _: u64) {}
}

fn states(dialogue: &Dialogue, host: &str) -> Vec<State> {
    let seen = Arc::new(Mutex::new(States::default()));
    dialogue.play(seen.clone());
    let seen = seen.lock().expect("nobody panics");
    seen.0.iter().filter(|(whose, _)| whose == host).map(|(_, state)| *state).collect()
}

fn link() -> Spec {
    "delay=10ms".parse().expect("a link")
}

#[test]
fn each_does_what_it_is_told_one_thing_after_the_other() {
    let dialogue = Dialogue {
        link: link(),
        client: vec![Act::Write(100), Act::Shutdown, Act::ReadToEnd],
        server: vec![Act::Read(100), Act::Write(3000), Act::ReadToEnd, Act::Close],
        ..Dialogue::default()
    };
    use State::{CloseWait, Closed, Established, FinWait1, FinWait2, LastAck, SynSent, TimeWait};
    let client = [SynSent, Established, FinWait1, FinWait2, TimeWait, Closed];
    assert_eq!(states(&dialogue, "client"), client);
    let server = states(&dialogue, "server");
    assert!(server.ends_with(&[Established, CloseWait, LastAck, Closed]), "{server:?}");
    let reset = Dialogue { client: vec![Act::Write(100), Act::Reset], ..dialogue };
    assert_eq!(states(&reset, "client"), [SynSent, Established, Closed]);
}

#[test]
fn a_flood_keeps_others_out_unless_there_are_cookies() {
    let flood = Flood { syns: 50, every: Duration::from_millis(1) };
    let dialogue = Dialogue {
        link: link(),
        backlog: 8,
        flood: Some(flood),
        opens: Duration::from_millis(100),
        time_limit: Duration::from_secs(2),
        ..Dialogue::default()
    };
    assert!(states(&dialogue, "client").contains(&State::Established));
    let without = Dialogue { syn_cookies: false, ..dialogue };
    assert_eq!(states(&without, "client"), [State::SynSent]);
}

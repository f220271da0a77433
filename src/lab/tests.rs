use super::*;
use crate::observe::grade::Verdict;

/// A lab of one run.
fn done() -> Done {
    find("handshake").expect("there is one").simulate().expect("it runs")
}

#[test]
fn an_answer_has_what_was_seen_in_place_of_what_stands_in_braces() {
    let done = done();
    let answer = |answer| done.answer(&Question { asks: "", answer });
    let two = answer("{text sent of open} and {retransmissions of lost}.");
    assert_eq!(two.as_deref(), Ok("200 bytes and 1."));
    assert_eq!(answer("Nothing.").as_deref(), Ok("Nothing."));
    for (wrong, why) in [
        ("{text of open}", "nothing that can be measured"),
        ("{rto of nowhere}", "there is no run 'nowhere'"),
        ("{rto of open/nobody}", "has no connection open/nobody"),
        ("{ssthresh max of open}", "nothing of 'ssthresh max of open' is to be seen"),
    ] {
        let error = answer(wrong).expect_err(wrong).to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn the_same_lab_twice_is_the_same() {
    let [one, two] = [done(), done()];
    for (one, two) in one.runs.iter().zip(&two.runs) {
        assert!(one.events == two.events && one.packets == two.packets, "{}", one.name);
    }
    assert_eq!(one.pictures(), two.pictures());
    assert_eq!(page::page(&one), page::page(&two));
}

/// What the stack thought stands in the comments of its packets.
#[test]
fn packets_of_a_run_keep_its_claims_as_far_as_they_tell() {
    use crate::observe::grade::{Findings, Rules};
    use crate::observe::trace::{Span, wire};
    let done = done();
    let packets = &done.runs[0].packets;
    let survey = wire::survey(&packets[..]).expect("readable");
    let found = survey.choose(None, None).expect("a connection");
    let trace = wire::trace(&packets[..], found, Span::default(), Vec::new()).expect("readable");
    let rules: Rules =
        "state path SYN_SENT > ESTABLISHED, opened by peer, cwnd max >= 14480, sent handshake == 1"
            .parse()
            .expect("rules");
    let mut findings = Findings::default();
    for place in rules.places() {
        rules.look_at(&mut findings, &place, (&trace, 1));
    }
    let seen: Vec<_> =
        rules.judge(&findings).into_iter().map(|grade| (grade.rule, grade.verdict)).collect();
    let wanted = [Verdict::Pass, Verdict::Fail, Verdict::Pass, Verdict::Pass];
    let guessed = |rule: &str| {
        let rules: Rules = rule.parse().expect("a rule");
        let mut findings = Findings::default();
        rules.look_at(&mut findings, &rules.places()[0], (&trace, 1));
        rules.judge(&findings)[0].guessed
    };
    assert!(guessed("rtt min > 0") && !guessed("rto == 0"), "its reasons are in its comments");
    assert_eq!(seen.iter().map(|(_, verdict)| *verdict).collect::<Vec<_>>(), wanted, "{seen:?}");
}

#[test]
fn rules_for_the_file_of_a_run_are_those_that_are_about_it_alone() {
    let lab = find("fast-recovery").expect("there is one");
    let done = lab.simulate().expect("it runs");
    let rules = done.rules("reno");
    assert!(rules.contains("at sender: fast-retransmits == 1\n"), "{rules}");
    assert!(!rules.contains("tahoe") && rules.contains("# Exactly one fast retransmit"), "{rules}");
}

use proptest::prelude::*;

use super::*;

const SETUP: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::ECE.bits() | Flags::CWR.bits());
const PLAIN: Flags = Flags::SYN;
const ACCEPTS: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits() | Flags::ECE.bits());
const REFUSES: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());
const REFLECTS: Flags = Flags::from_bits(ACCEPTS.bits() | Flags::CWR.bits());

/// A connection on which ECN was agreed.
fn agreed() -> EcnState {
    EcnState::new(handshake(&[SETUP], &[ACCEPTS]))
}

fn handshake(sent: &[Flags], received: &[Flags]) -> Negotiation {
    let mut negotiation = Negotiation::default();
    sent.iter().for_each(|&flags| negotiation.sent(flags));
    received.iter().for_each(|&flags| negotiation.received(flags));
    negotiation
}

#[test]
fn settings_have_names() {
    for ecn in Ecn::ALL {
        assert_eq!(ecn.to_string().parse(), Ok(ecn));
    }
    assert_eq!("on".parse::<Ecn>(), Err(UnknownEcn("on".to_owned())));
    let said = UnknownEcn("on".to_owned()).to_string();
    assert!(said.ends_with(&Ecn::ALL.map(Ecn::name).join(", ")), "{said}");
}

/// RFC 3168 6.1.1, from either side.
#[test]
fn both_must_say_so_and_never_otherwise() {
    for (sent, received, may_be_marked, echoes) in [
        (&[][..], &[][..], false, false),
        // We open.
        (&[SETUP], &[ACCEPTS], true, true),
        (&[SETUP], &[REFUSES], false, false),
        (&[SETUP], &[REFLECTS], false, false),
        (&[PLAIN], &[ACCEPTS], false, false),
        (&[PLAIN], &[REFUSES], false, false),
        // The first SYN was not answered, and the answer to it comes late.
        (&[SETUP, PLAIN], &[ACCEPTS], false, true),
        (&[SETUP, PLAIN], &[REFUSES], false, false),
        // The peer opens.
        (&[ACCEPTS], &[SETUP], true, true),
        (&[ACCEPTS, ACCEPTS], &[SETUP, SETUP], true, true),
        (&[REFUSES], &[SETUP], false, false),
        (&[REFUSES], &[PLAIN], false, false),
        (&[ACCEPTS, REFUSES], &[SETUP, PLAIN], false, true),
        (&[REFUSES, REFUSES], &[PLAIN, SETUP], false, false),
        // One flag alone means nothing.
        (&[ACCEPTS], &[PLAIN | Flags::ECE], false, false),
        (&[ACCEPTS], &[PLAIN | Flags::CWR], false, false),
        // Both open.
        (&[SETUP, ACCEPTS], &[SETUP, ACCEPTS], true, true),
        (&[SETUP, ACCEPTS], &[SETUP, REFUSES], false, true),
        (&[SETUP, REFUSES], &[PLAIN, REFUSES], false, false),
    ] {
        let negotiation = handshake(sent, received);
        let found = (negotiation.may_be_marked(), negotiation.echoes_marks());
        assert_eq!(found, (may_be_marked, echoes), "{sent:?} {received:?}");
    }
}

#[test]
fn a_syn_is_answered_in_kind() {
    for (sent, received, answer) in [
        (&[][..], &[SETUP][..], Flags::ECE),
        (&[], &[PLAIN], Flags::default()),
        (&[ACCEPTS], &[SETUP, SETUP], Flags::ECE),
        (&[ACCEPTS], &[SETUP, PLAIN], Flags::default()),
        (&[REFUSES], &[PLAIN, SETUP], Flags::default()),
        (&[SETUP], &[SETUP], Flags::ECE),
        (&[PLAIN], &[SETUP], Flags::default()),
    ] {
        assert_eq!(handshake(sent, received).answer(), answer, "{sent:?} {received:?}");
    }
}

#[test]
fn a_mark_is_echoed_until_the_peer_has_reduced() {
    let mut ecn = agreed();
    let none = Flags::ACK;
    assert_eq!((ecn.text_arrived(none, false), ecn.owes_ece()), (Arrived::Nothing, false));
    assert_eq!((ecn.text_arrived(none, true), ecn.owes_ece()), (Arrived::AckNow, true));
    assert_eq!((ecn.text_arrived(none, true), ecn.owes_ece()), (Arrived::Nothing, true));
    assert_eq!((ecn.text_arrived(none, false), ecn.owes_ece()), (Arrived::Nothing, true));
    assert_eq!((ecn.text_arrived(Flags::CWR, false), ecn.owes_ece()), (Arrived::AckNow, false));
    assert_eq!((ecn.text_arrived(Flags::CWR, true), ecn.owes_ece()), (Arrived::AckNow, true));
}

#[test]
fn without_agreement_nothing_is_owed() {
    let mut ecn = EcnState::default();
    assert_eq!(ecn.text_arrived(Flags::ACK, true), Arrived::Nothing);
    ecn.reduced(SeqNum::new(9), false);
    assert!(!ecn.owes_ece() && !ecn.take_cwr() && !ecn.is_echo(Flags::ECE));
}

#[test]
fn an_answer_lasts_until_what_follows_it_is_acknowledged() {
    let mut ecn = agreed();
    let at = |n: u32| SeqNum::new(u32::MAX - 10) + n;
    assert!(ecn.is_unanswered(at(0)));
    ecn.reduced(at(20), true);
    assert!(ecn.answers_mark() && ecn.take_cwr() && !ecn.take_cwr());
    ecn.acknowledged(at(20));
    assert!(ecn.answers_mark() && !ecn.is_unanswered(at(20)));
    assert!(ecn.is_unanswered(at(21)));
    ecn.acknowledged(at(21));
    // What was answered long ago does not come back when the numbers wrap.
    assert!(!ecn.answers_mark() && ecn.is_unanswered(at(21) + (1 << 31)));
    ecn.reduced(at(30), false);
    assert!(!ecn.answers_mark() && !ecn.is_unanswered(at(30)));
}

/// What happens to a sender.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many new bytes are sent.
    Send(u32),
    /// So many more are acknowledged, as far as they were sent, with an echo or without.
    Ack(u32, bool),
    /// The window is reduced for a loss.
    Loss,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u32..20).prop_map(Step::Send),
        6 => (0u32..30, any::<bool>()).prop_map(|(bytes, echo)| Step::Ack(bytes, echo)),
        1 => Just(Step::Loss),
    ]
}

proptest! {
    /// RFC 3168 6.1.3, said otherwise: some mark came with or after the last CWR.
    #[test]
    fn echoes_are_as_the_rfc_has_them(steps in proptest::collection::vec(any::<(bool, bool)>(), 0..50)) {
        let mut ecn = agreed();
        for (at, &(marked, cwr)) in steps.iter().enumerate() {
            let owed_before = ecn.owes_ece();
            let flags = if cwr { Flags::CWR } else { Flags::default() };
            let arrived = ecn.text_arrived(flags, marked);
            let last_cwr = steps[..=at].iter().rposition(|&(_, cwr)| cwr).unwrap_or(0);
            let owed = steps[last_cwr..=at].iter().any(|&(marked, _)| marked);
            prop_assert_eq!(ecn.owes_ece(), owed);
            prop_assert_eq!(arrived == Arrived::AckNow, cwr || (owed && !owed_before));
        }
    }

    /// RFC 3168 6.1.2, said otherwise: an echo counts when the newest byte that it acknowledges was
    /// sent after the last reduction; and of what was sent after one, the first part carries CWR.
    #[test]
    fn reductions_are_as_the_rfc_has_them(
        first in any::<u32>(),
        steps in proptest::collection::vec(any_step(), 0..100),
    ) {
        let mut ecn = agreed();
        let place = |bytes: usize| SeqNum::new(first) + bytes as u32;
        // For each byte sent, how many reductions there had been.
        let mut sent: Vec<u32> = Vec::new();
        let (mut acked, mut reductions, mut told) = (0, 0, 0);
        for step in steps {
            match step {
                Step::Send(bytes) => {
                    prop_assert_eq!(ecn.take_cwr(), told < reductions);
                    told = reductions;
                    sent.resize(sent.len() + bytes as usize, reductions);
                }
                Step::Ack(bytes, echo) => {
                    let flying = sent.len() > acked;
                    acked = sent.len().min(acked + bytes as usize);
                    let newest = acked.checked_sub(1).map(|last| sent[last]);
                    let fresh = reductions == 0 || newest == Some(reductions);
                    prop_assert_eq!(ecn.is_unanswered(place(acked)), fresh);
                    if echo && flying && fresh {
                        ecn.reduced(place(sent.len()), true);
                        reductions += 1;
                    }
                    ecn.acknowledged(place(acked));
                }
                Step::Loss => {
                    ecn.reduced(place(sent.len()), false);
                    reductions += 1;
                }
            }
        }
    }
}

//! What the tests of `tcp/` share: one control block, a clock that jumps, and a peer whose
//! segments are made by hand.
//!
//! Sequence numbers in tests are relative: 0 is the SYN of the side, 1 its first byte. The peer's
//! numbers wrap soon after that.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;

use crate::context::Context;
use crate::event::{
    Cause, ConnId, Event, Observer, Reduction, Refusal, Refusals, State, TimerKind, UndoneBy, Why,
};
use crate::tcp::congestion::Algorithm;
use crate::tcp::output::Outgoing;
use crate::tcp::parked::tests::comes_back_as_it_was;
use crate::tcp::{Config, Discard, Ecn, Endpoints, HalfOpen, Mss, Reply, Secrets, SendFlags, Tcb};
use crate::time::{Duration, Instant};
use crate::wire::SeqNum;
use crate::wire::tcp::{Flags, Segment};
use crate::wire::tcp_options::{Options, Timestamps};

/// The peer's initial sequence number.
pub(crate) const PEER_ISS: SeqNum = SeqNum::new(u32::MAX - 2_500);
/// The peer's timestamp clock when ours stands at zero; it wraps three minutes later.
const PEER_CLOCK: u32 = u32::MAX - 180_000;
/// What both sides can receive in one segment, options not subtracted.
pub(crate) const MSS: u32 = 1012;
/// Text of a full-sized segment when timestamps are in use.
pub(crate) const FULL: u32 = MSS - 12;

/// What a SYN has that asks for ECN (RFC 3168 6.1.1).
pub(crate) const ECN_SETUP: Flags = Flags::from_bits(Flags::ECE.bits() | Flags::CWR.bits());

/// Milliseconds.
pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Seconds.
pub(crate) const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The stream that either side sends: byte `at` has a value of its own.
pub(crate) fn stream(at: u32, len: u32) -> Bytes {
    (at..at + len).map(|at| (at % 251) as u8).collect()
}

/// How the connection is set up; by default with everything that was negotiated.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) timestamps: bool,
    pub(crate) sack: bool,
    pub(crate) scale: Option<u8>,
    pub(crate) mss: Option<u16>,
    /// The peer's window in its segments, unscaled.
    pub(crate) window: u16,
}

/// Settings in which nothing adapts, so that tests can count: a buffer of 60,000 bytes, bursts of half a window,
/// only delayed acknowledgments, and losses found by duplicates.
pub(crate) fn config() -> Config {
    Config {
        receive_buffer: 60_000,
        receive_buffer_initial: u32::MAX,
        send_buffer: 1 << 20,
        send_buffer_initial: u32::MAX,
        quick_ack: false,
        burst_segments: u8::MAX,
        congestion: Algorithm::NewReno,
        black_hole_detection: false,
        ..Config::default()
    }
}

impl Setup {
    /// Both sides want ECN.
    pub(crate) fn ecn() -> Setup {
        let setup = Setup::default();
        Setup { config: Config { ecn: Ecn::Request, ..setup.config }, ..setup }
    }
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            config: config(),
            timestamps: true,
            sack: true,
            scale: Some(2),
            mss: Some(MSS as u16),
            window: 16_000,
        }
    }
}

/// Keeps every event.
#[derive(Debug, Default)]
struct Recorder(Vec<Event>);

impl Observer for Recorder {
    fn observe(&mut self, _: Instant, event: &Event) {
        self.0.push(event.clone());
    }
}

/// Something that was sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) len: u32,
    pub(crate) flags: Flags,
    pub(crate) window: u32,
    pub(crate) urgent: u16,
    pub(crate) why: Why,
    pub(crate) segment_size: u16,
    pub(crate) dont_fragment: bool,
    pub(crate) options: Options,
    /// The ECN bits of its IP header.
    pub(crate) ecn: u8,
    pub(crate) text: Vec<u8>,
}

/// In one line, for messages.
impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sent { at, seq, ack, len, flags, window, why, .. } = self;
        write!(f, "{at} {flags} seq {seq} ack {ack} len {len} win {window} {why:?}")
    }
}

impl Sent {
    /// SACK blocks, relative.
    pub(crate) fn sack(&self) -> Vec<(u32, u32)> {
        self.options.sack.iter().map(|b| (b.left - PEER_ISS, b.right - PEER_ISS)).collect()
    }

    /// The essence.
    pub(crate) fn brief(&self) -> (u32, u32, Why) {
        (self.seq, self.len, self.why)
    }
}

/// A control block and all around it.
pub(crate) struct Rig {
    pub(crate) tcb: Box<Tcb>,
    pub(crate) now: Instant,
    pub(crate) setup: Setup,
    /// The next sequence number of the peer, relative.
    pub(crate) peer_nxt: u32,
    rng: ChaCha12Rng,
    pub(crate) refusals: Refusals,
    recorder: Recorder,
    last_tsval: u32,
}

fn ends() -> Endpoints {
    Endpoints {
        local: SocketAddr::from(([10, 9, 0, 2], 49_152)),
        remote: SocketAddr::from(([10, 9, 0, 1], 80)),
    }
}

fn own_mss() -> Mss {
    Mss::of_mtu(MSS as u16 + 40, ends().local.ip())
}

impl Rig {
    /// An active open whose SYN has not been sent.
    pub(crate) fn connecting(setup: Setup) -> Rig {
        let now = Instant::from_millis(10_000);
        let (mut rng, mut refusals) = (ChaCha12Rng::seed_from_u64(7), Refusals::default());
        let mut recorder = Recorder::default();
        let mut cx = Context::new(now, &mut rng, &mut refusals, Some(&mut recorder));
        let config = Arc::new(setup.config.clone());
        let secrets = Secrets::new([9; 16]);
        let tcb = Tcb::connect(&mut cx, ConnId(1), ends(), config, &secrets, own_mss());
        Rig { tcb, now, setup, peer_nxt: 0, rng, refusals, recorder, last_tsval: 0 }
    }

    /// An active open that has sent its SYN.
    pub(crate) fn syn_sent(setup: Setup) -> Rig {
        let mut rig = Rig::connecting(setup);
        let sent = rig.transmit();
        assert_eq!(sent.len(), 1);
        let flags = sent[0].flags.without(ECN_SETUP);
        assert_eq!((sent[0].brief(), flags), ((0, 0, Why::Handshake), Flags::SYN));
        rig
    }

    /// Open: the SYN was acknowledged after 100 ms, the handshake is complete.
    pub(crate) fn open(setup: Setup) -> Rig {
        let mut rig = Rig::syn_sent(setup);
        rig.now += ms(100);
        let syn_ack = rig.syn(Some(1));
        rig.arrive(syn_ack).unwrap();
        assert_eq!(rig.transmit().len(), 1, "the last acknowledgment of the handshake");
        rig.ack_arrives(); // the window of the SYN-ACK was not scaled, this one is
        assert_eq!(rig.tcb.state(), State::Established);
        rig.forget_events();
        rig
    }

    /// Open through a listener.
    pub(crate) fn accepted(setup: Setup) -> Rig {
        let mut rig = Rig::syn_sent(setup);
        let (half_open, config) = (rig.half_open(), Arc::new(rig.setup.config.clone()));
        rig.now += ms(100);
        let offered = config.clone();
        rig.tcb = half_open.into_tcb(rig.now, config, &offered, own_mss());
        rig.peer_nxt = 1;
        let ack = rig.ack();
        rig.arrive(ack).unwrap();
        assert_eq!(rig.tcb.state(), State::Established);
        rig.forget_events();
        rig
    }

    /// What a listener makes of the peer's SYN.
    pub(crate) fn half_open(&mut self) -> HalfOpen {
        let syn = self.syn(None);
        let secrets = Secrets::new([9; 16]);
        self.with(|_, cx| HalfOpen::new(cx, ConnId(2), ends(), &syn, &secrets))
    }

    /// A connection in one of the synchronized states.
    pub(crate) fn in_state(state: State) -> Rig {
        Rig::in_state_with(state, Setup::default())
    }

    pub(crate) fn in_state_with(state: State, setup: Setup) -> Rig {
        let mut rig = Rig::open(setup);
        if matches!(state, State::CloseWait | State::LastAck) {
            rig.fin_arrives();
        }
        if !matches!(state, State::Established | State::CloseWait) {
            rig.shutdown();
        }
        match state {
            State::Closing => {
                let fin = Segment { ack: rig.ours(1), ..rig.fin(rig.peer_nxt) };
                rig.peer_nxt += 1;
                rig.arrive(fin).unwrap();
            }
            State::FinWait2 | State::TimeWait => {
                let ack = rig.ack();
                rig.arrive(ack).unwrap();
                if state == State::TimeWait {
                    rig.fin_arrives();
                }
            }
            _ => {}
        }
        rig.transmit();
        assert_eq!(rig.tcb.state(), state);
        rig.forget_events();
        rig
    }

    /// Runs something with a context of now.
    pub(crate) fn with<R>(&mut self, f: impl FnOnce(&mut Tcb, &mut Context<'_>) -> R) -> R {
        let observer = Some(&mut self.recorder as &mut (dyn Observer + Send));
        let mut cx = Context::new(self.now, &mut self.rng, &mut self.refusals, observer);
        f(&mut self.tcb, &mut cx)
    }

    /// A segment arrives; a refusal is counted and answered as the stack does it.
    pub(crate) fn arrive(&mut self, mut segment: Segment) -> Result<(), Discard> {
        let result = self.with(|tcb, cx| {
            let result = tcb.segment_arrives(cx, &mut segment);
            if let Err(discard) = result {
                cx.refuse(Some(ConnId(1)), discard.reason, None);
                tcb.answer(cx, discard.reply);
            }
            result
        });
        self.tcb.check_invariants_but_timers();
        result
    }

    /// A segment arrives and is refused for this reason.
    pub(crate) fn refused(&mut self, segment: Segment) -> (Refusal, Reply) {
        let before = self.tcb.state();
        let discard = self.arrive(segment).expect_err("it should have been refused");
        let stays = before == self.tcb.state() || discard.reason == Refusal::TextAfterClose;
        assert!(stays, "a refused segment changes no state");
        (discard.reason, discard.reply)
    }

    /// Sends all that may be sent.
    pub(crate) fn transmit(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        while let Some(outgoing) = self.with(|tcb, cx| tcb.poll_output(cx)) {
            sent.push(self.sent(outgoing));
            assert!(sent.len() < 1000, "it never stops sending");
        }
        self.tcb.check_invariants();
        comes_back_as_it_was(&self.tcb);
        sent
    }

    fn sent(&mut self, outgoing: Outgoing) -> Sent {
        let Outgoing { header, payload, payload_len, segment_size, dont_fragment, why: _ } =
            outgoing;
        let text: Vec<u8> = payload.concat();
        assert_eq!(text.len() as u32, payload_len);
        let Some(Event::Sent { segment, why, .. }) = self.recorder.0.last() else {
            panic!("sent without an event: {:?}", self.recorder.0.last());
        };
        if let Some(times) = header.options.timestamps {
            self.last_tsval = times.tsval;
        }
        if payload_len > 0 {
            let at = header.seq + u32::from(header.syn()) - self.tcb.snd.iss - 1;
            assert_eq!(text, stream(at, payload_len), "other text than was written");
        }
        let acked = header.ack().map_or(0, |ack| ack - PEER_ISS);
        Sent {
            at: self.now,
            seq: header.seq - self.tcb.snd.iss,
            ack: acked,
            len: payload_len,
            flags: header.flags,
            window: segment.window,
            urgent: header.urgent,
            why: *why,
            segment_size,
            dont_fragment,
            options: header.options,
            ecn: header.ecn,
            text,
        }
    }

    /// Sends one thing and nothing else.
    pub(crate) fn transmit_one(&mut self) -> Sent {
        let mut sent = self.transmit();
        assert_eq!(sent.len(), 1, "one segment was expected: {sent:#?}");
        sent.remove(0)
    }

    /// Nothing may be sent now.
    pub(crate) fn silent(&mut self) {
        let sent = self.transmit();
        assert!(sent.is_empty(), "nothing should be sent: {sent:#?}");
    }

    /// Lets time pass, timer by timer, and gives what was sent meanwhile.
    pub(crate) fn sleep(&mut self, time: Duration) -> Vec<Sent> {
        let end = self.now + time;
        let mut sent = self.transmit();
        for _ in 0..10_000 {
            match self.tcb.next_deadline() {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => {
                    self.now = end;
                    return sent;
                }
            }
            self.with(|tcb, cx| tcb.expire(cx));
            sent.extend(self.transmit());
        }
        panic!("timers go off without end");
    }

    /// Our sequence number, absolute.
    pub(crate) fn ours(&self, relative: u32) -> SeqNum {
        self.tcb.snd.iss + relative
    }

    /// The peer's timestamp now.
    pub(crate) fn peer_tsval(&self) -> u32 {
        PEER_CLOCK.wrapping_add(self.now.as_millis() as u32)
    }

    /// An acknowledgment of everything sent, from the peer's next sequence number.
    pub(crate) fn ack(&self) -> Segment {
        let timestamps = Timestamps { tsval: self.peer_tsval(), tsecr: self.last_tsval };
        Segment {
            src_port: 80,
            dst_port: 49_152,
            seq: PEER_ISS + self.peer_nxt,
            ack: self.tcb.snd.nxt,
            flags: Flags::ACK,
            window: self.setup.window,
            urgent: 0,
            options: Options {
                timestamps: self.setup.timestamps.then_some(timestamps),
                ..Options::default()
            },
            ecn: 0,
            payload: Bytes::new(),
        }
    }

    /// An acknowledgment up to `relative`.
    pub(crate) fn ack_of(&self, relative: u32) -> Segment {
        Segment { ack: self.ours(relative), ..self.ack() }
    }

    /// The peer's SYN, with or without an acknowledgment up to `ack`.
    pub(crate) fn syn(&mut self, ack: Option<u32>) -> Segment {
        let bare = self.ack();
        self.peer_nxt = 1;
        let flags = if ack.is_some() { Flags::SYN | Flags::ACK } else { Flags::SYN };
        let ecn = match (self.setup.config.ecn, ack) {
            (Ecn::Off | Ecn::Accept, _) => Flags::default(),
            (Ecn::Request, Some(_)) => Flags::ECE,
            (Ecn::Request, None) => ECN_SETUP,
        };
        Segment {
            seq: PEER_ISS,
            ack: ack.map_or(SeqNum::default(), |ack| self.ours(ack)),
            flags: flags | ecn,
            options: Options {
                mss: self.setup.mss,
                window_scale: self.setup.scale,
                sack_permitted: self.setup.sack,
                timestamps: bare.options.timestamps,
                ..Options::default()
            },
            ..bare
        }
    }

    /// Text at `at`, as much as `len` bytes of the peer's stream.
    pub(crate) fn text(&self, at: u32, len: u32) -> Segment {
        Segment { seq: PEER_ISS + at, payload: stream(at, len), ..self.ack() }
    }

    /// A FIN at `at`.
    pub(crate) fn fin(&self, at: u32) -> Segment {
        Segment { seq: PEER_ISS + at, flags: Flags::FIN | Flags::ACK, ..self.ack() }
    }

    /// A reset at `at`.
    pub(crate) fn rst(&self, at: u32) -> Segment {
        let bare = self.ack();
        Segment { seq: PEER_ISS + at, flags: Flags::RST, options: Options::default(), ..bare }
    }

    /// `len` bytes of text arrive in order.
    pub(crate) fn text_arrives(&mut self, len: u32) {
        let text = self.text(self.peer_nxt, len);
        self.peer_nxt += len;
        self.arrive(text).unwrap();
    }

    /// `len` bytes arrive in order that the peer's application wrote at once.
    pub(crate) fn write_arrives(&mut self, len: u32) {
        let flags = Flags::ACK | Flags::PSH;
        let text = Segment { flags, ..self.text(self.peer_nxt, len) };
        self.peer_nxt += len;
        self.arrive(text).unwrap();
    }

    /// The peer acknowledges everything.
    pub(crate) fn ack_arrives(&mut self) {
        let ack = self.ack();
        self.arrive(ack).unwrap();
    }

    /// The peer acknowledges everything up to `relative`.
    pub(crate) fn ack_arrives_of(&mut self, relative: u32) {
        let ack = self.ack_of(relative);
        self.arrive(ack).unwrap();
    }

    /// The same acknowledgment arrives `times` times.
    pub(crate) fn duplicates_arrive(&mut self, relative: u32, times: u32) {
        (0..times).for_each(|_| self.ack_arrives_of(relative));
    }

    /// The peer's FIN arrives in order and acknowledges everything.
    pub(crate) fn fin_arrives(&mut self) {
        let fin = self.fin(self.peer_nxt);
        self.peer_nxt += 1;
        self.arrive(fin).unwrap();
    }

    /// The application writes the next `len` bytes of our stream.
    pub(crate) fn write(&mut self, len: u32) {
        let at = self.tcb.snd.buffer.end() as u32;
        assert_eq!(self.tcb.send(&stream(at, len)), Ok(len as usize));
    }

    /// The same in another way.
    pub(crate) fn write_with(&mut self, len: u32, flags: SendFlags) {
        let at = self.tcb.snd.buffer.end() as u32;
        assert_eq!(self.tcb.send_with(&stream(at, len), flags), Ok(len as usize));
    }

    /// The application reads all there is, which must be the peer's stream from `at`.
    pub(crate) fn read(&mut self, at: u32, len: u32) {
        let mut got = Vec::new();
        while !self.tcb.rcv.buffer.is_empty() {
            got.extend(self.tcb.receive(usize::MAX).unwrap());
        }
        assert_eq!(got, stream(at, len));
    }

    /// The application closes its sending half, and what follows is sent.
    pub(crate) fn shutdown(&mut self) -> Vec<Sent> {
        self.with(|tcb, cx| tcb.shutdown_write(cx));
        self.transmit()
    }

    /// The application lets go.
    pub(crate) fn close(&mut self) -> Vec<Sent> {
        self.with(|tcb, cx| tcb.close(cx));
        self.transmit()
    }

    /// Settings change.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        self.with(|tcb, cx| tcb.configure(cx, change));
    }

    /// All changes of state so far, with their causes.
    pub(crate) fn changes(&self) -> Vec<(State, State, Cause)> {
        let change = |event: &Event| match *event {
            Event::StateChanged { from, to, cause, .. } => Some((from, to, cause)),
            _ => None,
        };
        self.recorder.0.iter().filter_map(change).collect()
    }

    /// All samples of the round-trip time so far.
    pub(crate) fn samples(&self) -> Vec<Duration> {
        let sample = |event: &Event| match *event {
            Event::RttSample { rtt, .. } => Some(rtt),
            _ => None,
        };
        self.recorder.0.iter().filter_map(sample).collect()
    }

    /// How often the window was reduced for an echo.
    pub(crate) fn echoes(&self) -> usize {
        self.recorder
            .0
            .iter()
            .filter(|event| matches!(event, Event::Reduced { why: Reduction::Ecn, .. }))
            .count()
    }

    /// All events so far.
    pub(crate) fn events(&self) -> &[Event] {
        &self.recorder.0
    }

    /// What each reduction of the window was for, but for those of one that was not used.
    pub(crate) fn reductions(&self) -> Vec<Reduction> {
        let reduction = |event: &Event| match *event {
            Event::Reduced { why: Reduction::Idle | Reduction::Unused, .. } => None,
            Event::Reduced { why, .. } => Some(why),
            _ => None,
        };
        self.recorder.0.iter().filter_map(reduction).collect()
    }

    /// What has shown each wrong one to be wrong.
    pub(crate) fn undone(&self) -> Vec<UndoneBy> {
        let undone = |event: &Event| match *event {
            Event::Undone { by, .. } => Some(by),
            _ => None,
        };
        self.recorder.0.iter().filter_map(undone).collect()
    }

    /// All timers that have gone off.
    pub(crate) fn fired(&self) -> Vec<TimerKind> {
        let fired = |event: &Event| match *event {
            Event::TimerFired { timer, .. } => Some(timer),
            _ => None,
        };
        self.recorder.0.iter().filter_map(fired).collect()
    }

    pub(crate) fn forget_events(&mut self) {
        self.recorder.0.clear();
    }
}

impl Tcb {
    /// Within a batch the retransmission timer may be off until the next transmission.
    fn check_invariants_but_timers(&self) {
        assert!(self.snd.una.at_or_before(self.snd.nxt));
        assert!(self.rcv.nxt.at_or_before(self.rcv.adv) || self.state == State::Closed);
    }
}

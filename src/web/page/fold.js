// What is known of one end of a connection after some of its events: a fold, `state = apply(state, event)`.
// Cheap to copy, so that a track can keep a copy every few hundred events and step back from there.

import { AGAIN, STATE_OF_SS, TIMER } from './words.js';
import * as ranges from './ranges.js';

/** What `status` calls the phases in which something is repaired. */
const RECOVERY_OF = { fast_recovery: 'recovery', rto_recovery: 'loss', reducing: 'reducing' };
const PATH_MOST = 64;
const RANGES_MOST = 256;

/** Before the first event. */
export function fresh() {
  return {
    state: null,
    path: [],
    pathGone: 0,
    congestion: null,
    cwnd: null,
    ssthresh: null,
    phase: null,
    rtt: null,
    srtt: null,
    rto: null,
    minRtt: null,
    limitedBy: null,
    limitedSince: null,
    recovery: null,
    paces: false,
    una: null,
    nxt: null,
    base: null,
    fin: null,
    peerFin: null,
    edge: null,
    heardWindow: null,
    rcvNxt: null,
    rcvWnd: null,
    mss: null,
    sacked: [],
    lost: [],
    again: [],
    early: [],
    timers: {},
    segmentsSent: 0,
    segmentsReceived: 0,
    textSent: 0,
    textAgain: 0,
    textReceived: 0,
    retransmissions: 0,
    losses: 0,
    refused: 0,
    appWrote: 0,
    appRead: 0,
    icmp: null,
    mtu: null,
    status: null,
    looked: false,
    statusAt: null,
    t: null,
  };
}

/** A copy that a later `apply` to either does not disturb. */
export function clone(s) {
  const c = { ...s };
  c.path = s.path.slice();
  c.sacked = ranges.copy(s.sacked);
  c.lost = ranges.copy(s.lost);
  c.again = ranges.copy(s.again);
  c.early = ranges.copy(s.early);
  c.timers = { ...s.timers };
  return c;
}

/** How much is on its way: sent, and neither acknowledged, nor reported by SACK, nor believed lost. */
export function inFlight(s) {
  if (s.nxt === null || s.una === null) return null;
  return Math.max(0, s.nxt - s.una - ranges.size(s.sacked) - ranges.size(s.lost));
}

/** How many bytes there are before `next` in a sequence: SYN and FIN have numbers, too, and are none. */
export const bytesBefore = (next, fin) => Math.max(0, (next ?? 0) - 1 - (fin !== null && next >= fin ? 1 : 0));

/** What a segment takes of the sequence: its text, and one each for SYN and FIN. */
export const lengthOf = (d) => d.len + (d.flags.includes('SYN') ? 1 : 0) + (d.flags.includes('FIN') ? 1 : 0);

function sent(s, d) {
  s.looked = false;
  s.segmentsSent += d.packets ?? 1;
  if (d.state) noteState(s, d.state);
  if (d.ack_relative !== undefined) {
    s.rcvNxt = Math.max(s.rcvNxt ?? 0, d.ack_relative);
    ranges.remove(s.early, 0, s.rcvNxt);
  }
  s.rcvWnd = d.window;
  const length = lengthOf(d);
  const start = d.seq_relative;
  const end = start + length;
  if (s.nxt === null) {
    s.nxt = start;
    s.una ??= start;
    s.base ??= start;
  }
  s.textSent += d.len;
  if (d.flags.includes('FIN')) s.fin = end;
  if (length === 0) return;
  const old = Math.min(end, s.nxt) - start;
  if (d.why in AGAIN || (old > 0 && d.why !== 'keepalive' && d.why !== 'zero_window_probe')) {
    s.retransmissions += d.packets ?? 1;
    s.textAgain += Math.max(0, Math.min(d.len, old));
    ranges.remove(s.lost, start, end);
    ranges.add(s.again, Math.max(start, s.una ?? start), Math.min(end, s.nxt));
    bound(s.again);
  }
  if (d.why !== 'keepalive') s.nxt = Math.max(s.nxt, end);
}

function received(s, d) {
  s.looked = false;
  s.segmentsReceived += 1;
  if (d.state) noteState(s, d.state);
  s.textReceived = Math.max(s.textReceived, d.seq_relative + d.len - 1);
  s.heardWindow = d.window;
  if (d.flags.includes('FIN')) s.peerFin = d.seq_relative + lengthOf(d);
  if (d.len && d.seq_relative + d.len > (s.rcvNxt ?? 0)) {
    ranges.add(s.early, Math.max(d.seq_relative, s.rcvNxt ?? 0), d.seq_relative + d.len);
    bound(s.early);
  }
  if (d.ack_relative === undefined) return;
  const ack = d.ack_relative;
  if (s.una === null || ack > s.una) {
    s.una = ack;
    if (s.nxt === null || s.nxt < ack) s.nxt = ack;
    s.base ??= ack;
    for (const set of [s.sacked, s.lost, s.again]) ranges.remove(set, 0, ack);
  }
  s.edge = Math.max(s.edge ?? 0, ack + d.window);
  for (const [a, b] of d.sack_relative ?? []) {
    if (b <= s.una) continue;
    const from = Math.max(a, s.una);
    ranges.add(s.sacked, from, b);
    ranges.remove(s.lost, from, b);
    ranges.remove(s.again, from, b);
  }
  bound(s.sacked);
}

/** A damaged or hostile file must not make these long: beyond the most, the oldest are joined away. */
function bound(set) {
  if (set.length > RANGES_MOST) set.splice(0, set.length - RANGES_MOST);
}

function noteState(s, state) {
  s.state ??= state;
}

function changed(s, d, t) {
  if (s.path.length >= PATH_MOST) {
    s.path.shift();
    s.pathGone += 1;
  }
  s.path.push({ t, from: d.from, to: d.to, cause: d.cause, guess: d.guess });
  s.state = d.to;
  if (d.to === 'CLOSED') s.timers = {};
}

function lost(s, d) {
  s.losses += 1;
  const start = Math.max(d.start_relative, s.una ?? 0);
  const end = d.start_relative + d.len;
  ranges.add(s.lost, start, end);
  ranges.remove(s.sacked, start, end);
  ranges.remove(s.again, start, end);
  bound(s.lost);
}

function status(s, row, t) {
  s.status = row;
  s.looked = true;
  s.statusAt = row.at_ns ?? t;
  const tcp = row.tcp;
  s.state = STATE_OF_SS[row.state] ?? row.state ?? s.state;
  if (!tcp) return;
  s.congestion = tcp.congestion ?? s.congestion;
  s.cwnd = tcp.cwnd ?? s.cwnd;
  s.ssthresh = tcp.ssthresh ?? s.ssthresh;
  if (tcp.srtt_us) s.srtt = tcp.srtt_us * 1000;
  if (tcp.rto_us) s.rto = tcp.rto_us * 1000;
  if (tcp.min_rtt_us) s.minRtt = tcp.min_rtt_us * 1000;
  // A recording that began late has not seen all; what the stack counts is right.
  s.textSent = tcp.bytes_sent ?? s.textSent;
  s.textReceived = tcp.bytes_received ?? s.textReceived;
  s.retransmissions = tcp.retransmissions ?? s.retransmissions;
  s.mss = tcp.mss ?? s.mss;
  s.limitedBy = tcp.limited_by ?? s.limitedBy;
  s.recovery = tcp.recovery ?? s.recovery;
  s.heardWindow = tcp.snd_wnd ?? s.heardWindow;
}

/** Changes `s` to what it is after `event`. Unknown names change nothing. */
export function apply(s, event) {
  const { name, d, t } = event;
  s.t = t;
  switch (name) {
    case 'sent':
      sent(s, d);
      break;
    case 'received':
      received(s, d);
      break;
    case 'refused':
      s.refused += 1;
      break;
    case 'state_changed':
      changed(s, d, t);
      break;
    case 'congestion_window':
      s.cwnd = d.cwnd;
      s.ssthresh = d.ssthresh ?? null;
      s.phase = d.phase ?? s.phase;
      s.recovery = RECOVERY_OF[s.phase] ?? 'open';
      break;
    case 'lost':
      lost(s, d);
      break;
    case 'rtt_sample':
      s.rtt = d.rtt_ns;
      s.srtt = d.srtt_ns ?? s.srtt;
      s.rto = d.rto_ns ?? s.rto;
      s.minRtt = Math.min(s.minRtt ?? Infinity, d.rtt_ns);
      break;
    case 'timer_armed':
      if (d.timer in TIMER) s.timers[d.timer] = { due: d.due_ns, set: t };
      break;
    case 'timer_cancelled':
    case 'timer_fired':
      delete s.timers[d.timer];
      break;
    case 'limited':
      s.limitedBy = d.by;
      s.limitedSince = t;
      s.paces ||= d.by === 'pacing';
      break;
    case 'app_read':
      s.appRead += d.len;
      break;
    case 'app_wrote':
      s.appWrote += d.len;
      break;
    case 'path_mtu':
      s.mtu = d.mtu;
      s.mss = d.mss;
      break;
    case 'icmp_error':
      s.icmp = d.report;
      break;
    case 'status':
      status(s, d, t);
      break;
    default:
  }
  return s;
}

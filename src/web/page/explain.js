// One event in words: a title, what happened, and what each of its fields means.

import * as format from './format.js';
import { CAUSE, FOUND_BY, LIMIT, NAME, PHASE, REDUCED_FOR, SHOWN_BY, TIMER, WHY } from './words.js';

const seems = (d) => (d.guess ? 'seems ' : '');
const span = (d) => (d.len ? `bytes ${format.count(d.seq_relative)} to ${format.count(d.seq_relative + d.len)}` : '');

function segmentWords(d) {
  const parts = [d.flags === 'none' ? 'no flags' : d.flags.replaceAll(',', ', ')];
  if (d.len) parts.push(`${format.count(d.len)} B from ${format.count(d.seq_relative)}`);
  if (d.ack_relative !== undefined && !d.len) parts.push(`ack ${format.count(d.ack_relative)}`);
  return parts.join(' · ');
}

/** A line for lists. */
export function line(e) {
  const { d } = e;
  switch (e.name) {
    case 'sent':
    case 'received':
      return (
        segmentWords(d) +
        (d.sack_relative?.length ? ` · SACK ${d.sack_relative.map(([a, b]) => `${a}–${b}`).join(' ')}` : '')
      );
    case 'refused':
      return `${(d.reason ?? '').replaceAll('_', ' ')}${d.flags ? ` · ${segmentWords(d)}` : ''}`;
    case 'state_changed':
      return `${d.from} → ${d.to}`;
    case 'congestion_window':
      return `cwnd ${format.bytes(d.cwnd)}${d.ssthresh ? ` · ssthresh ${format.bytes(d.ssthresh)}` : ''}`;
    case 'lost':
      return `${format.count(d.len)} B from ${format.count(d.start_relative)}`;
    case 'reduced':
      return 'the congestion window is lowered';
    case 'undone':
      return 'the last reduction is taken back';
    case 'icmp_error':
      return (d.report ?? '').replaceAll('_', ' ');
    case 'path_mtu':
      return `packets up to ${d.mtu} B, text ${d.mss} B`;
    case 'rtt_sample':
      return `${format.duration(d.rtt_ns)}${d.srtt_ns ? ` · smoothed ${format.duration(d.srtt_ns)}` : ''}`;
    case 'timer_armed':
      return `${TIMER[d.timer]?.[0] ?? d.timer} in ${format.duration(d.due_ns - e.t)}`;
    case 'timer_fired':
    case 'timer_cancelled':
      return TIMER[d.timer]?.[0] ?? d.timer ?? '';
    case 'limited':
      return LIMIT[d.by]?.[1] ?? d.by ?? '';
    case 'app_read':
    case 'app_wrote':
      return format.bytes(d.len);
    case 'impaired':
      return `the link: ${(d.effect ?? '').replaceAll('_', ' ')}, ${format.bytes(d.len)} ${d.direction === 'in' ? 'towards us' : 'from us'}`;
    case 'events_lost':
      return d.count ? `${format.count(d.count)} events were not recorded` : 'some events did not come to this page';
    default:
      return '';
  }
}

/** Why it happened, in a few words; empty where nothing is to be said. */
export function why({ name, d }) {
  switch (name) {
    case 'sent':
      return `${seems(d)}${WHY[d.why]?.[0] ?? d.why ?? ''}${d.count > 1 ? ` (${d.count})` : ''}`;
    case 'state_changed':
      return `${seems(d)}${CAUSE[d.cause] ?? ''}`;
    case 'congestion_window':
      return PHASE[d.phase]?.[0] ?? '';
    case 'lost':
      return FOUND_BY[d.found_by] ?? '';
    case 'reduced':
      return REDUCED_FOR[d.reduced_for] ?? '';
    case 'undone':
      return SHOWN_BY[d.shown_by] ?? '';
    case 'limited':
      return LIMIT[d.by]?.[0] ?? '';
    default:
      return '';
  }
}

/** What can be chosen as a reason in filters: the value as events have it. */
export const reason = ({ d }) =>
  d.why ??
  d.cause ??
  d.phase ??
  d.found_by ??
  d.reduced_for ??
  d.shown_by ??
  d.by ??
  d.timer ??
  d.reason ??
  d.effect ??
  '';

const SENTENCES = {
  sent: (d) => `A segment leaves. ${WHY[d.why]?.[1] ?? ''}`,
  received: (d) =>
    d.len
      ? 'A segment with text arrives.'
      : d.flags.includes('SYN') || d.flags.includes('FIN') || d.flags.includes('RST')
        ? 'A segment arrives that opens or closes.'
        : 'An acknowledgment arrives: the other end has everything below its number.',
  refused: () => 'Something arrived that was not accepted, at least in part.',
  state_changed: (d) =>
    `The connection is in another state, because ${CAUSE[d.cause] ?? 'of something that is not said'}.`,
  congestion_window: (d) => `How much may be under way has changed. ${PHASE[d.phase]?.[1] ?? ''}`,
  lost: (d) => `TCP now believes that these bytes are lost: ${FOUND_BY[d.found_by] ?? 'it is not said why'}.`,
  reduced: (d) =>
    `TCP sends less from now on, because ${REDUCED_FOR[d.reduced_for] ?? 'of something that is not said'}.`,
  undone: (d) =>
    `Nothing was lost after all: ${SHOWN_BY[d.shown_by] ?? 'it is not said what shows it'}. The window is again as it was.`,
  icmp_error: () => 'A router or the other host reports a problem, and it is believed.',
  path_mtu: () => 'The largest packet that the path takes has changed.',
  rtt_sample: () => 'An acknowledgment came for something that was sent once, so the time between is a round trip.',
  timer_fired: (d) => `A timer went off. ${TIMER[d.timer]?.[1] ?? ''}`,
  timer_armed: (d) => `A timer was set. ${TIMER[d.timer]?.[1] ?? ''}`,
  timer_cancelled: () => 'A timer was stopped before it went off.',
  limited: (d) => `Sending stopped here. ${LIMIT[d.by]?.[1] ?? ''}`,
  app_read: () => 'The application has taken what had arrived; that much room is free again.',
  app_wrote: () => 'The application has given something to send.',
  impaired: () => 'The link, which is not perfect, has done something to a packet.',
  events_lost: () => 'So much happened that not all of it could be recorded.',
};

const FIELDS = {
  state: ['state', 'of the connection after it'],
  flags: ['flags', 'the control bits of the segment'],
  seq_relative: ['sequence', 'number of its first byte, counted from the SYN'],
  seq: ['on the wire', 'the same as the packet has it'],
  ack_relative: ['acknowledges', 'all bytes below this are there'],
  ack: ['on the wire', 'the acknowledgment as the packet has it'],
  len: ['text', 'bytes in it'],
  window: ['window', 'room that its sender has'],
  sack_relative: ['SACK', 'what is there although something before it is missing'],
  ecn: ['ECN', 'what routers may do, or have done: “ce” is a mark of congestion'],
  why: ['why', 'the name of the reason'],
  count: ['which time', 'how often it was tried'],
  packets: ['packets', 'into how many the device cuts it'],
  cause: ['cause', 'the name of what made it happen'],
  from: ['from', 'the state before'],
  to: ['to', 'the state after'],
  cwnd: ['cwnd', 'how much may be under way'],
  ssthresh: ['ssthresh', 'below it the window grows fast'],
  phase: ['phase', 'what congestion control is doing'],
  rtt_ns: ['round trip', 'as it was measured'],
  srtt_ns: ['smoothed', 'what TCP reckons with'],
  rto_ns: ['time-out', 'how long a silence may be'],
  timer: ['timer', 'which one'],
  due_ns: ['goes off at', 'on the same clock'],
  by: ['by', 'what stops it'],
  start_relative: ['from', 'its first byte'],
  found_by: ['found by', 'how it was noticed'],
  reduced_for: ['because', 'the name of the reason'],
  shown_by: ['shown by', 'the name of the proof'],
  reason: ['reason', 'also the name of its counter'],
  mtu: ['MTU', 'the largest packet'],
  mss: ['MSS', 'text of a full segment'],
  known_by: ['known by', 'what has shown it'],
  report: ['report', 'what the message says'],
  reporter: ['reporter', 'who says so'],
  direction: ['direction', '“out”: we have sent it'],
  effect: ['effect', 'what was done to it'],
  source: ['source', 'who sent it'],
  destination: ['destination', 'to whom'],
};
Object.setPrototypeOf(FIELDS, null);
Object.setPrototypeOf(SENTENCES, null);

function shown(key, v, origin) {
  if (key === 'due_ns') return `${format.moment(v - origin)} s`;
  if (key.endsWith('_ns')) return format.duration(v);
  if (key === 'sack_relative') return v.map(([a, b]) => `${format.count(a)} to ${format.count(b)}`).join(', ');
  if (key === 'seq' || key === 'ack') return String(v);
  if (['cwnd', 'ssthresh', 'window'].includes(key)) return `${format.count(v)} B`;
  return typeof v === 'number' ? format.count(v) : String(v);
}

/** Everything about an event: `{title, text, fields: [[label, value, meaning]]}`. */
export function explain(e, origin) {
  const { name, d } = e;
  const label = NAME[name]?.[0] ?? name.replaceAll('_', ' ');
  const reasons = why(e);
  const fields = Object.entries(d)
    .filter(([key]) => key !== 'guess')
    .map(([key, v]) => [FIELDS[key]?.[0] ?? key, shown(key, v, origin), FIELDS[key]?.[1] ?? '']);
  return {
    title: reasons ? `${label}: ${reasons}` : label,
    text: `${SENTENCES[name]?.(d) ?? ''}${d.guess ? ' This is a guess: packets alone do not say it.' : ''}`,
    more: name === 'sent' || name === 'received' ? span(d) : line(e),
    fields,
  };
}

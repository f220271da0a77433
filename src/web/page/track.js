// One connection as seen from one of its ends: its events in order, the columns of its plots, and its state after any of them.
// If the other end has been recorded too (a simulation), its events are in the same order and have a state of their own.

import { Columns, howMany } from './columns.js';
import { apply, clone, fresh, inFlight, lengthOf } from './fold.js';
import { AGAIN, LIMIT, WHY } from './words.js';

const CHECKPOINT = 512;
/** How many events of a connection that goes on are kept. */
export const LIVE_MOST = 200_000;
const DROP = CHECKPOINT * 40;

export const WHY_NAMES = Object.keys(WHY);
export const LIMIT_NAMES = Object.keys(LIMIT);

function series() {
  return {
    // `hole`: so many bytes before it went as well, and were not told. `torn`: events are missing since the row before it.
    seg: new Columns('t', 'a', 'b', 'why', 'at', 'hole'),
    ack: new Columns('t', 'ack', 'edge', 'torn'),
    sack: new Columns('t', 'a', 'b'),
    rx: new Columns('t', 'a', 'b', 'at', 'hole'),
    oack: new Columns('t', 'ack', 'edge', 'torn'),
    osack: new Columns('t', 'a', 'b'),
    loss: new Columns('t', 'a', 'b'),
    cw: new Columns('t', 'cwnd', 'ssthresh'),
    flight: new Columns('t', 'bytes'),
    rtt: new Columns('t', 'rtt', 'srtt', 'rto'),
    lim: new Columns('t', 'by'),
  };
}

export class Track {
  /** `end` and `peer`: `{host, conn, local, remote}`; `peer` is null unless it was recorded. */
  constructor({ title, end, peer = null, most = Infinity, guessed = false, captured = false }) {
    Object.assign(this, { title, end, peer, most, guessed, captured });
    this.events = [];
    this.dropped = 0;
    this.series = series();
    this.heads = [fresh(), fresh()];
    this.marks = [];
    this.segments = [];
    this.own = [];
    this.gaps = [];
    this.tops = { seg: null, rx: null };
    this.torn = { rx: false, ack: false, oack: false };
    this.snapshots = [];
    this.snapshotsGone = 0;
    this.pending = [[], []];
    this.cursor = { at: 0, states: [fresh(), fresh()] };
    this.version = 0;
    /** Something was told of its timers. */
    this.timed = false;
  }

  /** How many events there have been, those that were dropped included. */
  get length() {
    return this.dropped + this.events.length;
  }

  /** The event at an absolute index. */
  event(at) {
    return this.events[at - this.dropped];
  }

  get first() {
    return this.events.length ? this.events[0].t : 0;
  }

  get last() {
    return this.events.length ? this.events[this.events.length - 1].t : 0;
  }

  /** 0: of our end; 1: of the other end; 2: of neither (the link). */
  side(e) {
    if (e.name === 'impaired' || e.name === 'events_lost') return 2;
    return this.peer && e.host === this.peer.host && e.conn === this.peer.conn ? 1 : 0;
  }

  /** Puts an event at the end. Times must not go back; one that does is moved to the last time. */
  append(e) {
    if (this.length % CHECKPOINT === 0) this.marks.push(this.heads.map(clone));
    const at = this.length;
    if (this.events.length && e.t < this.last) e.t = this.last;
    this.events.push(e);
    this.version += 1;
    const side = this.side(e);
    if (e.name === 'events_lost') this.#gap(e);
    if (e.name === 'timer_armed') this.timed = true;
    if (!happened(e)) this.snapshots.push(at);
    if (side === 2) return;
    const before = this.heads[side].una;
    apply(this.heads[side], e);
    this.#pair(e, side, at);
    if (side === 0) this.#record(e, at, before);
    if (this.events.length > this.most) this.#drop();
  }

  #gap(e) {
    this.gaps.push({ t: e.t, count: e.d.count ?? 0 });
    if (this.gaps.length > 1000) this.gaps.shift();
    for (const name of Object.keys(this.torn)) this.torn[name] = true;
  }

  /** Whether events were missing since the last time that this was asked of these columns. */
  #torn(name) {
    const torn = this.torn[name];
    this.torn[name] = false;
    return torn;
  }

  /** How many bytes there are between all that was known of and what begins at `a`. */
  #hole(name, a, b) {
    const top = this.tops[name] ?? a;
    this.tops[name] = Math.max(top, b);
    return Math.max(0, a - top);
  }

  /** Finds out which segment that arrived is which that was sent, where both ends were recorded. */
  #pair(e, side, at) {
    if (e.d.seq_relative === undefined) return;
    this.segments.push(at);
    if (side === 0) this.own.push(at);
    if (!this.peer) return;
    if (e.name === 'sent') {
      const waiting = this.pending[side];
      waiting.push(e);
      if (waiting.length > 4096) waiting.splice(0, 1024);
      return;
    }
    const waiting = this.pending[1 - side];
    const end = e.d.seq_relative + e.d.len;
    const found = waiting.findIndex(
      ({ d }) =>
        d.flags === e.d.flags &&
        d.seq_relative === e.d.seq_relative &&
        d.len === e.d.len &&
        d.ack_relative === e.d.ack_relative,
    );
    const k =
      found >= 0
        ? found
        : waiting.findIndex(
            ({ d }) =>
              d.packets > 1 &&
              d.seq_relative <= e.d.seq_relative &&
              end <= d.seq_relative + d.len &&
              d.ack_relative === e.d.ack_relative,
          );
    if (k < 0) return;
    const sent = waiting[k];
    e.twin = sent;
    sent.twin ??= e;
    if (!(sent.d.packets > 1) || end === sent.d.seq_relative + sent.d.len) waiting.splice(k, 1);
  }

  #record(e, at, unaBefore) {
    const { series: s } = this;
    const head = this.heads[0];
    const { t, d } = e;
    switch (e.name) {
      case 'sent': {
        const length = lengthOf(d);
        let why = d.why;
        if (!(why in WHY)) why = 'new_data';
        if (length) {
          const [a, b] = [d.seq_relative, d.seq_relative + length];
          // A sender leaves no holes: what seems to be one was sent.
          s.seg.push(t, a, b, WHY_NAMES.indexOf(why), at, this.#hole('seg', a, b));
        }
        if (d.ack_relative !== undefined)
          s.oack.push(t, d.ack_relative, d.ack_relative + d.window, Number(this.#torn('oack')));
        for (const [a, b] of d.sack_relative ?? []) if (b > (d.ack_relative ?? 0)) s.osack.push(t, a, b);
        break;
      }
      case 'received': {
        const length = lengthOf(d);
        if (length) {
          const [a, b] = [d.seq_relative, d.seq_relative + length];
          const hole = this.#hole('rx', a, b);
          // Where no event is missing, it is the network that has left the hole.
          s.rx.push(t, a, b, at, this.#torn('rx') ? hole : 0);
        }
        if (head.una !== null && (head.una !== unaBefore || d.ack_relative !== undefined))
          s.ack.push(t, head.una, head.edge ?? head.una, Number(this.#torn('ack')));
        for (const [a, b] of d.sack_relative ?? []) if (b > head.una) s.sack.push(t, Math.max(a, head.una), b);
        break;
      }
      case 'lost':
        s.loss.push(t, d.start_relative, d.start_relative + d.len);
        break;
      case 'congestion_window':
        s.cw.push(t, d.cwnd, d.ssthresh ?? NaN);
        break;
      case 'rtt_sample':
        s.rtt.push(t, d.rtt_ns, d.srtt_ns ?? NaN, d.rto_ns ?? NaN);
        break;
      case 'limited':
        s.lim.push(t, LIMIT_NAMES.indexOf(d.by));
        break;
      case 'status':
        this.#status(t, d);
        break;
      default:
    }
    if (e.name === 'sent' || e.name === 'received' || e.name === 'lost') s.flight.push(t, inFlight(head) ?? 0);
  }

  /** What `status` says fills the plots where no event has said it yet. */
  #status(t, d) {
    const { cw, lim } = this.series;
    const by = d.tcp?.limited_by;
    const band = (name) => LIMIT[name]?.[0];
    // Events and `ss` have other names for the same.
    if (by in LIMIT && (!lim.length || band(LIMIT_NAMES[lim.by[lim.length - 1]]) !== band(by)))
      lim.push(t, LIMIT_NAMES.indexOf(by));
    const cwnd = d.tcp?.cwnd;
    if (!cwnd) return;
    const known = cw.length ? cw.cwnd[cw.length - 1] : null;
    if (known !== cwnd) cw.push(t, cwnd, d.tcp.ssthresh ?? NaN);
  }

  #drop() {
    this.events.splice(0, DROP);
    this.dropped += DROP;
    this.marks.splice(0, DROP / CHECKPOINT);
    const t = this.first;
    for (const columns of Object.values(this.series)) columns.dropBefore(t);
    for (const list of [this.segments, this.own]) {
      const k = list.findIndex((at) => at >= this.dropped);
      list.splice(0, k < 0 ? list.length : k);
    }
    this.gaps = this.gaps.filter((g) => g.t >= t);
    const kept = this.snapshots.filter((at) => at >= this.dropped);
    this.snapshotsGone += this.snapshots.length - kept.length;
    this.snapshots = kept;
    for (const e of this.events.slice(0, 64)) if (e.twin && e.twin.t < t) e.twin = undefined;
  }

  /** How many events have a time up to and including `t`, as an absolute index. */
  upTo(t) {
    return this.dropped + howMany(this.events.length, (i) => this.events[i].t <= t);
  }

  /** How many of the first `at` events happened: snapshots are not counted. */
  number(at) {
    return at - howMany(this.snapshots.length, (i) => this.snapshots[i] < at) - this.snapshotsGone;
  }

  /** The states of both ends after the first `at` events. What is returned must not be changed. */
  states(at) {
    const to = Math.min(Math.max(at, this.dropped), this.length);
    const c = this.cursor;
    if (to < c.at || to - c.at > CHECKPOINT || c.at < this.dropped) {
      const mark = Math.min(Math.floor((to - this.dropped) / CHECKPOINT), this.marks.length - 1);
      c.states = mark >= 0 ? this.marks[mark].map(clone) : [fresh(), fresh()];
      c.at = mark >= 0 ? this.dropped + mark * CHECKPOINT : 0;
    }
    for (; c.at < to; c.at += 1) {
      const e = this.event(c.at);
      const side = this.side(e);
      if (side < 2) apply(c.states[side], e);
    }
    return c.states;
  }

  /** Whether more text came from the other end than went to it. */
  get receives() {
    const [mine] = this.heads;
    return mine.textReceived > mine.textSent;
  }
}

/** Whether one can step to it: what is only a snapshot is not something that happened. */
export const happened = (e) => e.name !== 'status';

/** Whether a segment carries again what was sent before. */
export const isAgain = (why) => why in AGAIN;

// The live stream (server-sent events): the list of connections, the one that is looked at, counters, the link.
// It holds what came last and tells who listens; it draws nothing. It reconnects by itself, and nothing in it grows without bound.

import { info } from './api.js';
import * as lines from './lines.js';
import { LIVE_MOST, Track } from './track.js';

const HISTORY = 32;
const ROWS_MOST = 4000;
// The stack tells something every five seconds at least. When nothing had come at so many looks, each after so many milliseconds,
// it is gone, or the link is slow: of what is large nothing is seen before all of it is there. So each time it is given longer.
const LOOK = 3000;
const SILENT = 4;
const SILENT_MOST = 32;

/** What a look says, but for what changes with time alone. */
function essence({ timer, time_ns: _time, at_ns: _at, tcp, ...rest }) {
  const passing = /^(since|busy|rwnd_limited|sndbuf_limited)_/;
  const steady = Object.entries(tcp ?? {}).filter(([name]) => !passing.test(name));
  return JSON.stringify([rest, steady, timer?.name, timer?.tries]);
}

export class Stream {
  constructor() {
    this.rows = new Map();
    this.total = 0;
    this.counters = new Map();
    this.link = null;
    this.owns = [];
    this.kept = null;
    this.off = false;
    this.track = null;
    this.conn = null;
    this.closed = false;
    this.connected = null;
    this.refused = false;
    this.updates = 0;
    this.wait = 1000;
    this.patience = SILENT;
    this.offset = null;
    this.time = 0;
    this.run = null;
    this.payload = false;
    this.listeners = new Map();
  }

  /** Calls `f` when something of that kind has come: `rows` `status` `record` `packet` `payload` `counters` `link` `connection` `own` `restart`. */
  on(kind, f) {
    const list = this.listeners.get(kind) ?? [];
    list.push(f);
    this.listeners.set(kind, list);
  }

  #tell(kind, data) {
    for (const f of this.listeners.get(kind) ?? []) f(data);
  }

  /** The time of the stack, as well as it is known here. */
  now() {
    return this.offset === null ? null : performance.now() * 1e6 + this.offset;
  }

  #heard(t) {
    if (typeof t !== 'number' || !Number.isFinite(t)) return;
    this.time = Math.max(this.time, t);
    const offset = t - performance.now() * 1e6;
    // The message that was least on its way tells best; let go slowly, in case the clocks drift.
    if (this.offset === null || offset > this.offset || this.offset - offset > 2e9) this.offset = offset;
    else this.offset -= (this.offset - offset) * 0.01;
  }

  /** Looks at another connection, or (null) at none. */
  open(conn = null, ends = {}) {
    if (this.off || (this.source && conn === this.conn)) return;
    // To look at the connection that carries this page it has to go on: a second stream then tells of the first.
    this.kept?.close();
    this.kept = conn !== null && this.isOwn(ends) ? this.source : null;
    if (this.kept) this.source = null;
    this.conn = conn;
    this.payload = false;
    this.closed = false;
    this.track =
      conn === null
        ? null
        : new Track({
            title: `#${conn}`,
            end: { host: '', conn, local: ends.local, remote: ends.remote },
            most: LIVE_MOST,
          });
    this.recorded = false;
    this.newest = null;
    this.same = 0;
    this.waiting = null;
    const { track } = this;
    if (track) setTimeout(() => this.#alone(track), 1500);
    this.#connect();
  }

  /** Is told what the connection carries, too, or no more: browsers have six connections to a host, so there is no second stream. */
  carry(payload) {
    if (payload === this.payload || this.conn === null || this.off) return;
    this.payload = payload;
    this.#connect();
  }

  /** There is no stack behind the page. */
  stop() {
    this.off = true;
    clearTimeout(this.timer);
    clearInterval(this.pulse);
    this.source?.close();
    this.kept?.close();
    this.source = null;
    this.kept = null;
    this.connected = null;
    this.#tell('connection');
  }

  /** Whether these are the ends of a connection that carries this page. */
  isOwn({ local, remote } = {}) {
    return this.owns.some((own) => own.local === local && own.remote === remote);
  }

  /** The ends of a connection that carries this page; the last few are remembered. */
  addOwn(own) {
    if (typeof own.remote !== 'string' || this.isOwn(own)) return;
    this.owns.unshift(own);
    this.owns.length = Math.min(this.owns.length, 4);
    this.#tell('own');
  }

  #connect() {
    clearTimeout(this.timer);
    this.source?.close();
    this.fresh = true;
    const query = this.conn === null ? '' : `?conn=${this.conn}${this.payload ? '&payload=1' : ''}`;
    const source = new EventSource(`events${query}`);
    this.source = source;
    this.silent = 0;
    clearInterval(this.pulse);
    this.pulse = setInterval(() => this.#feel(source), LOOK);
    const handle = (kind, f) =>
      source.addEventListener(kind, (message) => {
        if (source !== this.source) return;
        this.#online();
        if (kind === 'record') return this.#record(message.data);
        let data;
        try {
          data = JSON.parse(message.data);
        } catch {
          return undefined;
        }
        return data && typeof data === 'object' ? f(data) : undefined;
      });
    source.addEventListener('open', () => source === this.source && this.#online());
    source.addEventListener('error', () => source === this.source && this.#offline(source));
    handle('alive', () => {});
    handle('run', ({ run }) => this.#begun(run));
    handle('packet', (data) => this.#tell('packet', data));
    handle('payload', (data) => this.#tell('payload', data));
    handle('own', (data) => this.addOwn(data));
    handle('sockets', (data) => this.#sockets(data));
    handle('status', (data) => this.#status(data));
    handle('record');
    handle('counters', (data) => this.#counters(data));
    handle('link', (data) => {
      this.#heard(data.time_ns);
      this.link = data;
      this.#tell('link');
    });
  }

  /** A stack that was killed ends no connection: nothing comes any more. */
  #feel(source) {
    this.silent += 1;
    if (this.silent < this.patience) return;
    this.patience = Math.min(2 * this.patience, SILENT_MOST);
    source.close();
    this.#offline(source, true);
  }

  #online() {
    this.wait = 1000;
    this.silent = 0;
    if (this.connected === true) return;
    this.connected = true;
    this.refused = false;
    this.#tell('connection');
  }

  #offline(source, silent = false) {
    const closed = source.readyState === EventSource.CLOSED;
    const refused = closed && !silent;
    // What was never there may be no stack at all but recordings: that is found out before it is told.
    const first = this.connected === null && refused;
    if (first) this.connected = false;
    else if (this.connected !== false || (this.refused && !refused)) {
      this.connected = false;
      this.refused = false;
      this.#tell('connection');
    }
    // A browser connects again by itself unless it was refused; then it has closed the source.
    this.fresh = true;
    this.offset = null;
    if (!closed) return;
    clearInterval(this.pulse);
    if (refused) this.#whether(first);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#connect(), this.wait);
    this.wait = Math.min(this.wait * 2, 15000);
  }

  /** Finds out whether the stack answers and only the stream was refused. */
  async #whether(first) {
    const found = await info().catch(() => null);
    const refused = found !== null;
    if (this.connected !== false || found?.recordings?.length || (!first && refused === this.refused)) return;
    this.refused = refused;
    this.#tell('connection');
  }

  #sockets(data) {
    this.patience = SILENT;
    this.#heard(data.time_ns);
    const t = data.time_ns / 1e9;
    if (this.fresh) {
      // The first message has all there are; what is not in it has gone meanwhile.
      const there = new Set((data.rows ?? []).map((row) => row.conn));
      for (const conn of this.rows.keys()) if (!there.has(conn)) this.rows.delete(conn);
      this.fresh = false;
    }
    this.before = this.clock ?? t;
    this.clock = t;
    for (const conn of data.gone ?? []) this.rows.delete(conn);
    const changed = new Set();
    for (const row of data.rows ?? []) {
      if (typeof row.conn !== 'number') continue;
      changed.add(row.conn);
      const old = this.rows.get(row.conn);
      if (!old && this.rows.size >= ROWS_MOST) continue;
      this.rows.set(row.conn, this.#row(row, old, t));
    }
    for (const row of this.rows.values()) if (!changed.has(row.conn) && row.rate > 0) this.#quiet(row);
    this.total = typeof data.total === 'number' ? data.total : this.rows.size;
    this.shown = typeof data.shown === 'number' ? data.shown : this.rows.size;
    this.updates += 1;
    this.#tell('rows');
  }

  /** Of another run of the stack than the last one nothing that was known is true any more, and connections have other numbers. */
  #begun(run) {
    const known = this.run;
    this.run = run;
    if (known === null || known === run) return;
    this.rows.clear();
    this.counters.clear();
    this.link = null;
    this.time = 0;
    this.offset = null;
    this.clock = undefined;
    this.owns = [];
    this.#tell('restart');
  }

  /** A row with what differs from the last one: rates, and a short history of them. */
  #row(row, old, t) {
    const moved = (row.bytes_acked ?? 0) + (row.bytes_received ?? 0);
    // Its ends are told once.
    row.local ??= old?.local;
    row.remote ??= old?.remote;
    row.moved = moved;
    row.at = t;
    row.since = old?.since ?? t;
    row.history = old?.history ?? [];
    row.version = (old?.version ?? 0) + 1;
    row.rate =
      // What did not change was not told of: since then nothing had moved until the last message.
      old && t > old.at && moved >= old.moved
        ? (moved - old.moved) / Math.max(t - Math.max(old.at, this.before), 0.05)
        : 0;
    row.history.push(row.rate);
    if (row.history.length > HISTORY) row.history.shift();
    return row;
  }

  #quiet(row) {
    row.rate = 0;
    row.version += 1;
    row.history.push(0);
    if (row.history.length > HISTORY) row.history.shift();
  }

  #status(data) {
    if (!this.track) return;
    if (data.closed) {
      this.closed = true;
      this.#tell('status');
      return;
    }
    this.#heard(data.time_ns);
    data.at_ns = typeof data.time_ns === 'number' ? data.time_ns : this.now();
    if (typeof data.local === 'string') this.track.end.local = data.local;
    if (typeof data.remote === 'string') this.track.end.remote = data.remote;
    // Events that happened before it may still be under way, so it stands at the time of the last one that is here; and
    // what the flight recorder has kept comes first.
    if (this.recorded) this.#look(data);
    else this.waiting = data;
    this.closed = false;
    this.#tell('status');
  }

  /** Puts a look at the connection among its events; where nothing but time has passed since the last one, in its place. */
  #look(data) {
    const { track } = this;
    const last = track.event(track.length - 1);
    if (last?.name === 'status' && essence(last.d) === essence(data)) {
      Object.assign(last.d, { timer: undefined }, data);
      track.version += 1;
      return;
    }
    track.append({ t: track.last || (this.now() ?? 0), host: '', conn: this.conn, name: 'status', d: data });
  }

  #record(text) {
    this.patience = SILENT;
    const { track } = this;
    if (!track) return;
    const { length } = track;
    let again = false;
    let gone = 0;
    // Of the events at the time of the last one so many are known.
    const known = this.newest ?? track.last;
    let skip = this.newest === null ? Infinity : this.same;
    for (const line of text.split('\n')) {
      const parsed = lines.event(line);
      if (!parsed) continue;
      const { e, local, remote } = parsed;
      track.end.local ??= local;
      track.end.remote ??= remote;
      if (e.name === 'flight_record') {
        // After a reconnection it comes once more: what is known already is skipped.
        again = track.length > 0;
        if (e.d.gone && !again) track.gone = e.d.gone;
        gone = again ? (e.d.gone ?? 0) : 0;
        continue;
      }
      if (e.name === 'events_lost') {
        e.t = track.last;
        track.append(e);
        continue;
      }
      // It begins later than what is known ends: nobody knows how much happened between.
      if (gone > 0 && e.t > known)
        track.append({ t: track.last, host: '', conn: this.conn, name: 'events_lost', d: {} });
      gone = 0;
      if (again && (e.t < known || (e.t === known && skip-- > 0))) continue;
      this.#count(e.t);
      track.append(e);
    }
    if (this.newest !== null && track.length > length) this.#heard(this.newest);
    this.recorded = true;
    if (this.waiting) {
      const data = this.waiting;
      this.waiting = null;
      this.#status(data);
    }
    this.#tell('record');
  }

  /** How many events there are at the time of the last one. */
  #count(t) {
    if (this.newest !== null && t < this.newest) return;
    this.same = t === this.newest ? this.same + 1 : 1;
    this.newest = t;
  }

  /** Where no recording comes (the recorder is off, or nothing happens), the status alone is shown after a while. */
  #alone(track) {
    if (this.track !== track || this.recorded) return;
    this.#record('');
  }

  #counters(data) {
    this.#heard(data.time_ns);
    for (const [name, value] of Object.entries(data.counters ?? {})) {
      if (typeof value !== 'number' || this.counters.size > 2000) continue;
      const old = this.counters.get(name);
      // The first message of a stream has all of them, those that are as they were, too.
      if (old?.value === value) continue;
      this.counters.set(name, { value, changed: old ? performance.now() : 0, by: old ? value - old.value : 0 });
    }
    this.#tell('counters');
  }
}

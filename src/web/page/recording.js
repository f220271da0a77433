// What a file has, by connection: made from lines of events or from packets, and turned into tracks.

import * as lines from './lines.js';
import { Track } from './track.js';

const ENDS_MOST = 20_000;
export const EVENTS_MOST = 2_000_000;

export class Recording {
  constructor(name) {
    this.name = name;
    this.kind = 'events';
    this.ends = new Map();
    this.links = [];
    this.gaps = [];
    this.count = 0;
    this.skipped = 0;
    this.notes = [];
    this.t = 0;
  }

  /** Whether there is room for more. */
  get full() {
    return this.count >= EVENTS_MOST;
  }

  /** One line of a file of events. */
  line(text) {
    if (text.length === 0) return;
    const parsed = lines.event(text);
    if (!parsed) {
      this.skipped += 1;
      return;
    }
    const { e, local, remote } = parsed;
    if (e.name === 'flight_record') {
      this.end(e.host, e.conn, local, remote);
      if (e.d.gone) this.notes.push(`The flight recorder had not kept ${e.d.gone} events before these of #${e.conn}.`);
      return;
    }
    this.put(e, local, remote);
  }

  /** One event, whoever has made it. */
  put(e, local, remote) {
    this.count += 1;
    if (e.name === 'events_lost') {
      e.t = this.t;
      if (this.gaps.length < 1000) this.gaps.push(e);
      return;
    }
    this.t = e.t;
    if (e.name === 'impaired') {
      this.links.push(e);
      return;
    }
    if (!e.conn) return;
    this.end(e.host, e.conn, local, remote)?.events.push(e);
  }

  /** The end of that name and number; made if it is new. */
  end(host, conn, local, remote) {
    const key = `${host}\n${conn}`;
    let end = this.ends.get(key);
    if (!end) {
      if (this.ends.size >= ENDS_MOST) return null;
      end = { host, conn, local: undefined, remote: undefined, events: [], mate: null };
      this.ends.set(key, end);
    }
    end.local ??= local;
    end.remote ??= remote;
    return end;
  }

  /** All connections: `{title, ends: [end, other?], linked, text, t0, t1, events}`, those with most events first. */
  connections() {
    const waiting = new Map();
    const found = [];
    for (const end of this.ends.values()) {
      if (end.events.length === 0) continue;
      const other = waiting.get(`${end.remote}\n${end.local}`);
      if (end.local && other && other.host !== end.host && other.ends.length === 1) {
        other.ends.push(end);
        waiting.delete(`${end.remote}\n${end.local}`);
      } else if (end.mate && end.mate.entry) {
        end.mate.entry.ends.push(end);
      } else {
        const entry = { host: end.host, ends: [end] };
        end.entry = entry;
        found.push(entry);
        waiting.set(`${end.local}\n${end.remote}`, entry);
      }
    }
    const list = found.map((entry) => this.#describe(entry.ends));
    return list.sort((a, b) => b.text - a.text || b.events - a.events);
  }

  #describe(ends) {
    for (const end of ends) {
      end.text = 0;
      end.again = 0;
      for (const { name, d } of end.events) {
        if (name === 'sent') {
          end.text += d.len;
          if (d.why && /^(fast_retr|rack|rto|partial|tail_loss_probe$|go_back|seems_again)/.test(d.why))
            end.again += d.packets ?? 1;
        }
      }
    }
    if (ends.length > 1 && ends[1].text > ends[0].text) ends.reverse();
    const [end, other] = ends;
    const t0 = Math.min(...ends.map((x) => x.events[0].t));
    const t1 = Math.max(...ends.map((x) => x.events[x.events.length - 1].t));
    const title = end.host ? `${end.host} #${end.conn}` : `#${end.conn}`;
    const linked = Boolean(other) && this.kind !== 'guess' && !end.mate;
    return {
      title,
      ends,
      linked,
      text: end.text,
      again: end.again,
      t0,
      t1,
      events: end.events.length + (linked ? other.events.length : 0),
      recording: this,
    };
  }

  get t0() {
    let t = Infinity;
    for (const end of this.ends.values()) if (end.events.length) t = Math.min(t, end.events[0].t);
    return Number.isFinite(t) ? t : 0;
  }
}

const pause = () => new Promise((done) => setTimeout(done));

/** A track of a connection, seen from its first end or (`turned`) from the other. Long ones are made in slices. */
export async function trackOf(connection, turned, progress = () => {}) {
  const { ends, linked, recording } = connection;
  const end = turned && ends[1] ? ends[1] : ends[0];
  const peer = linked ? ends.find((x) => x !== end) : null;
  const name = recording.name.replace(/\.(events\.)?(jsonl|json|pcapng|pcap)$/, '');
  const track = new Track({
    title: `${name} · ${end.host || `#${end.conn}`}`,
    end,
    peer,
    guessed: recording.kind === 'guess',
    captured: recording.kind !== 'events',
  });
  const address = (ends_) => ends_?.replace(/:\d+$/, '');
  const near = [address(end.local), address(end.remote)];
  const during = ({ t }) => t >= connection.t0 && t <= connection.t1;
  const between = ({ d }) => near.includes(d.source) && near.includes(d.destination);
  const links = recording.links.filter((e) => during(e) && between(e));
  const all = [end.events, peer?.events ?? [], links, recording.gaps.filter(during)];
  const next = [0, 0, 0, 0];
  let last = performance.now();
  for (let n = 0; ; n += 1) {
    let k = -1;
    for (let i = 0; i < 4; i += 1) {
      if (next[i] < all[i].length && (k < 0 || all[i][next[i]].t < all[k][next[k]].t)) k = i;
    }
    if (k < 0) break;
    track.append(all[k][next[k]]);
    next[k] += 1;
    if (n % 256 === 0 && performance.now() - last > 12) {
      progress(n);
      await pause();
      last = performance.now();
    }
  }
  return track;
}

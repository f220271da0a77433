// From packets to events: what the comments of our own captures say, and where there are none what can be guessed from the
// wire alone. What is guessed has `guess: true`, and is shown as such.

import { intern } from './lines.js';
import * as ranges from './ranges.js';
import { readable, read } from './segment.js';

const SYN = 2;
const FIN = 1;
const RST = 4;
const ACK = 16;
const PARTIAL = [
  'text_beyond_window',
  'reassembly_full',
  'sack_too_fine',
  'tcp_memory',
  'challenge_limited',
  'listen_text',
];

/** `a - b` of sequence numbers, as a signed number. */
const minus = (a, b) => (a - b) | 0;

/** One direction's numbers, counted from its first one, beyond 32 bits. */
class Count {
  constructor() {
    this.base = null;
    this.last = 0;
    this.scale = 0;
  }

  relative(seq) {
    if (this.base === null) this.base = (seq - 1) >>> 0;
    const rel = this.last + minus(seq, (this.base + this.last) >>> 0);
    if (rel > this.last) this.last = rel;
    return rel;
  }
}

/** The words `key=value` of a comment. */
function wordsOf(comment) {
  const words = {};
  for (const part of comment.split(/\s+/)) {
    const k = part.indexOf('=');
    if (k > 0) words[part.slice(0, k)] = part.slice(k + 1);
    else if (/^[A-Z][A-Z_12]+$/.test(part)) words.state = part;
  }
  return words;
}

const UNITS = { s: 1e9, ms: 1e6, us: 1e3, µs: 1e3, ns: 1 };
function timeOf(text) {
  const m = /^([\d.]+)(s|ms|us|µs|ns)$/.exec(text ?? '');
  return m ? Number(m[1]) * UNITS[m[2]] : undefined;
}

/** One end of a connection, as far as packets tell. */
class End {
  constructor(recording, host, conn, local, remote) {
    Object.assign(this, { recording, host, conn, local, remote });
    this.mine = new Count();
    this.theirs = new Count();
    Object.assign(this, {
      state: null,
      una: 0,
      max: 0,
      duplicates: 0,
      fin: null,
      next: null,
      peerFin: null,
      room: null,
      heard: 0,
      said: 0,
      window: -1,
      ackSent: -1,
      srtt: null,
      rttvar: 0,
      cwnd: null,
      by: null,
    });
    this.flying = [];
    this.early = [];
    this.scaled = [null, null];
  }

  put(t, name, d) {
    this.recording.put({ t, host: this.host, conn: this.conn, name, d }, this.local, this.remote);
  }

  go(t, to, cause) {
    if (this.state === to) return;
    this.put(t, 'state_changed', {
      from: this.state ?? (to === 'SYN_SENT' ? 'CLOSED' : 'LISTEN'),
      to,
      cause,
      guess: true,
    });
    this.state = to;
  }

  segment(tcp, sending) {
    const [mine, theirs] = sending ? [this.mine, this.theirs] : [this.theirs, this.mine];
    if (tcp.bits & SYN) {
      mine.base = tcp.seq;
      this.scaled[sending ? 0 : 1] = tcp.scale ?? null;
      if (this.scaled[0] !== null && this.scaled[1] !== null) [this.mine.scale, this.theirs.scale] = this.scaled;
    }
    const d = {
      flags: tcp.flags,
      seq: tcp.seq,
      seq_relative: mine.relative(tcp.seq),
      len: tcp.len,
      window: tcp.bits & SYN ? tcp.window : tcp.window << mine.scale,
    };
    if (tcp.bits & ACK) {
      d.ack = tcp.ack;
      if (theirs.base === null) theirs.base = (tcp.ack - 1) >>> 0;
      d.ack_relative = theirs.last + minus(tcp.ack, (theirs.base + theirs.last) >>> 0);
    }
    if (tcp.sack && theirs.base !== null)
      d.sack_relative = tcp.sack.map((block) =>
        block.map((n) => theirs.last + minus(n, (theirs.base + theirs.last) >>> 0)),
      );
    if (tcp.ecn) d.ecn = tcp.ecn;
    return d;
  }

  #why(t, tcp, d, end) {
    if (tcp.bits & RST) return 'reset';
    if (tcp.bits & SYN) return this.max >= 1 ? 'handshake_retransmission' : 'handshake';
    if (end > d.seq_relative) {
      if (
        d.len <= 1 &&
        end === this.max &&
        d.seq_relative === this.max - 1 &&
        !(tcp.bits & FIN) &&
        this.una === this.max
      )
        return 'keepalive';
      if (d.seq_relative < this.max) {
        if (this.duplicates >= 3 && d.seq_relative <= this.una) return 'fast_retransmit';
        return t - Math.max(this.heard, this.said) > 180e6 ? 'rto' : 'seems_again';
      }
      return d.len === 0 ? 'fin' : 'new_data';
    }
    if (this.max > 0 && d.seq_relative === this.max - 1) return this.room === 0 ? 'zero_window_probe' : 'keepalive';
    return d.ack_relative === this.ackSent && d.window > this.window ? 'window_update' : 'ack_now';
  }

  sent(t, tcp, words) {
    const d = this.segment(tcp, true);
    const end = d.seq_relative + d.len + (tcp.bits & SYN ? 1 : 0) + (tcp.bits & FIN ? 1 : 0);
    if (words.why) {
      d.why = intern(words.why.replaceAll('-', '_').slice(0, 40));
      if (words.count) d.count = Number(words.count) || undefined;
      if (words.packets) d.packets = Number(words.packets) || undefined;
    } else {
      d.why = this.#why(t, tcp, d, end);
      d.guess = true;
    }
    if (tcp.bits & SYN && !(tcp.bits & ACK)) this.go(t, 'SYN_SENT', 'connect');
    if (this.state === null && tcp.bits & SYN) this.go(t, 'SYN_RCVD', 'syn_arrived');
    this.state ??= 'ESTABLISHED';
    if (d.ack_relative !== undefined) this.#upTo(t, d.ack_relative);
    if (end > d.seq_relative) {
      const again = d.seq_relative < this.max;
      if (this.flying.length < 5000) this.flying.push({ end, t, again });
      if (again) for (const f of this.flying) if (f.end > d.seq_relative) f.again = true;
    }
    d.state = this.state;
    this.put(t, 'sent', d);
    this.max = Math.max(this.max, end);
    this.ackSent = d.ack_relative;
    this.window = d.window;
    this.said = t;
    if (tcp.bits & FIN) {
      this.fin = end;
      if (this.state === 'ESTABLISHED' || this.state === 'SYN_RCVD') this.go(t, 'FIN_WAIT_1', 'user_close');
      else if (this.state === 'CLOSE_WAIT') this.go(t, 'LAST_ACK', 'user_close');
    }
    if (tcp.bits & RST) this.go(t, 'CLOSED', 'user_abort');
    this.#thought(t, words);
  }

  received(t, tcp, words) {
    const d = this.segment(tcp, false);
    if (words.refused) {
      const reason = intern(words.refused.replaceAll('-', '_').slice(0, 60));
      this.put(t, 'refused', { ...d, reason });
      if (!PARTIAL.includes(reason)) return;
    } else if (!(tcp.bits & RST)) this.#arrived(tcp, d);
    const acked = d.ack_relative ?? 0;
    if (this.state === null && tcp.bits & SYN && !(tcp.bits & ACK)) this.go(t, 'SYN_RCVD', 'syn_arrived');
    if (this.state === 'SYN_SENT' && tcp.bits & SYN && tcp.bits & ACK) this.go(t, 'ESTABLISHED', 'syn_ack_arrived');
    if (this.state === 'SYN_RCVD' && !(tcp.bits & SYN) && acked >= 1) this.go(t, 'ESTABLISHED', 'syn_acked');
    this.state ??= 'ESTABLISHED';
    this.#acknowledged(t, tcp, d, acked, words);
    if (this.next !== null) this.#upTo(t, this.next);
    if (tcp.bits & RST) this.go(t, 'CLOSED', 'reset_arrived');
    d.state = this.state;
    this.room = d.window;
    this.put(t, 'received', d);
    this.heard = t;
    this.#thought(t, words);
  }

  /** Notes what has come, and up to where nothing is missing. */
  #arrived(tcp, d) {
    const end = d.seq_relative + d.len + (tcp.bits & SYN ? 1 : 0) + (tcp.bits & FIN ? 1 : 0);
    if (tcp.bits & FIN) this.peerFin = end;
    this.next ??= d.seq_relative;
    ranges.add(this.early, d.seq_relative, end);
    if (this.early.length > 256) this.early.shift();
  }

  /** All before `next` has come: a FIN that was waiting for it counts. */
  #upTo(t, next) {
    this.next = Math.max(this.next ?? next, next);
    while (this.early.length && this.early[0][0] <= this.next) this.next = Math.max(this.next, this.early.shift()[1]);
    if (this.peerFin === null || this.next < this.peerFin) return;
    this.peerFin = null;
    if (this.state === 'ESTABLISHED') this.go(t, 'CLOSE_WAIT', 'fin_arrived');
    else if (this.state === 'FIN_WAIT_1') this.go(t, 'CLOSING', 'fin_arrived');
    else if (this.state === 'FIN_WAIT_2') this.go(t, 'TIME_WAIT', 'fin_arrived');
  }

  #acknowledged(t, tcp, d, acked, words) {
    if (acked > this.una) {
      this.una = acked;
      this.duplicates = 0;
      this.#sample(t, acked, words);
      if (this.fin !== null && acked >= this.fin) {
        if (this.state === 'FIN_WAIT_1') this.go(t, 'FIN_WAIT_2', 'fin_acked');
        else if (this.state === 'CLOSING') this.go(t, 'TIME_WAIT', 'fin_acked');
        else if (this.state === 'LAST_ACK') this.go(t, 'CLOSED', 'fin_acked');
      }
    } else if (acked === this.una && d.len === 0 && !(tcp.bits & (SYN | FIN)) && this.max > this.una) {
      this.duplicates += 1;
    }
  }

  #sample(t, acked, words) {
    let best = null;
    let k = 0;
    while (k < this.flying.length && this.flying[k].end <= acked) {
      if (!this.flying[k].again) best = this.flying[k];
      k += 1;
    }
    this.flying.splice(0, k);
    this.flying = this.flying.length > 4000 ? this.flying.slice(-2000) : this.flying;
    if (!best) return;
    const rtt = t - best.t;
    this.rttvar = this.srtt === null ? rtt / 2 : this.rttvar * 0.75 + Math.abs(this.srtt - rtt) * 0.25;
    this.srtt = this.srtt === null ? rtt : this.srtt * 0.875 + rtt * 0.125;
    const d = { rtt_ns: rtt, srtt_ns: timeOf(words.srtt) ?? this.srtt };
    const rto = timeOf(words.rto);
    if (rto) d.rto_ns = rto;
    if (!words.srtt) d.guess = true;
    this.put(t, 'rtt_sample', d);
  }

  /** What a comment says that our stack thought. */
  #thought(t, words) {
    if (words.state && words.state !== this.state) this.go(t, intern(words.state), undefined);
    if (words.cwnd && words.cwnd + words.ssthresh !== this.cwnd) {
      this.cwnd = words.cwnd + words.ssthresh;
      const d = { cwnd: Number(words.cwnd) || 0 };
      if (words.ssthresh && words.ssthresh !== 'inf') d.ssthresh = Number(words.ssthresh) || undefined;
      this.put(t, 'congestion_window', d);
    }
    if (words['limited-by'] && words['limited-by'] !== this.by) {
      this.by = words['limited-by'];
      this.put(t, 'limited', { by: intern(this.by.slice(0, 20)) });
    }
  }
}

/** Takes packets one after the other and puts the events that they tell of into a recording. */
export class Guess {
  constructor(recording) {
    this.recording = recording;
    recording.kind = 'guess';
    this.ends = new Map();
    this.numbers = 0;
    this.origin = null;
    this.unread = 0;
    this.repeated = 0;
    this.links = new Set();
  }

  take(packet) {
    this.origin ??= packet.time;
    const t = Number(packet.time - this.origin);
    if (!readable(packet.link)) this.links.add(packet.link);
    const ip = read(packet);
    const words = packet.comment ? wordsOf(packet.comment) : {};
    words.impaired ??= packet.iface === 'link' ? /^[a-z_-]+/.exec(packet.comment)?.[0] : undefined;
    if (words.impaired && ip) {
      const direction = packet.outbound === false ? 'in' : 'out';
      this.recording.put({
        t,
        host: '',
        conn: 0,
        name: 'impaired',
        d: {
          direction,
          effect: intern(words.impaired.replaceAll('-', '_').slice(0, 40)),
          source: ip.source,
          destination: ip.target,
          len: ip.total,
        },
      });
      return;
    }
    if (!ip?.tcp) {
      this.unread += 1;
      return;
    }
    const { tcp } = ip;
    if (packet.outbound !== null) {
      this.recording.kind = 'capture';
      const [local, remote] = packet.outbound ? [tcp.from, tcp.to] : [tcp.to, tcp.from];
      const end = this.#end(packet.iface, local, remote, tcp, words);
      if (packet.outbound) end.sent(t, tcp, words);
      else end.received(t, tcp, words);
      return;
    }
    const near = this.#pair(tcp);
    if (this.#twice(near, tcp)) return;
    const [sender, receiver] = near[0].local === tcp.from ? near : [near[1], near[0]];
    sender.sent(t, tcp, words);
    receiver.received(t, tcp, {});
  }

  /** A capture on several interfaces has a packet more than once, with the same number of its IP header. */
  #twice(pair, tcp) {
    if (tcp.id === 0) return false;
    const key = `${tcp.from}|${tcp.id}|${tcp.seq}|${tcp.ack}|${tcp.len}|${tcp.bits}`;
    if (pair.seen?.has(key)) {
      this.repeated += 1;
      return true;
    }
    pair.seen ??= new Set();
    pair.seen.add(key);
    if (pair.seen.size > 512) pair.seen.delete(pair.seen.values().next().value);
    return false;
  }

  /** A new SYN on the ends of a connection that is over, or that counts from elsewhere, is a new connection. */
  #over(end, tcp) {
    if (!(tcp.bits & SYN) || tcp.bits & ACK) return false;
    const count = end.local === tcp.from ? end.mine : end.theirs;
    return count.base !== null && count.base !== tcp.seq;
  }

  #end(iface, local, remote, tcp, words) {
    const key = `${iface}\n${local}\n${remote}`;
    let end = this.ends.get(key);
    if (!end || this.#over(end, tcp)) {
      this.numbers += 1;
      const named = Number(/^#(\d+)$/.exec(words.conn ?? '')?.[1]);
      const host = iface === 'stack' ? '' : intern(iface);
      end = new End(this.recording, host, named || this.numbers, intern(local), intern(remote));
      this.ends.set(key, end);
    }
    return end;
  }

  #pair(tcp) {
    const key = tcp.from < tcp.to ? `${tcp.from}\n${tcp.to}` : `${tcp.to}\n${tcp.from}`;
    let pair = this.ends.get(key);
    if (!pair || this.#over(pair[0], tcp)) {
      this.numbers += 2;
      const { recording } = this;
      const n = this.numbers / 2;
      const ends = tcp.bits & SYN && tcp.bits & ACK ? [tcp.to, tcp.from] : [tcp.from, tcp.to];
      pair = [
        new End(recording, intern(ends[0]), n, intern(ends[0]), intern(ends[1])),
        new End(recording, intern(ends[1]), n, intern(ends[1]), intern(ends[0])),
      ];
      const [a, b] = pair.map((end) => recording.end(end.host, end.conn, end.local, end.remote));
      if (a && b) b.mate = a;
      this.ends.set(key, pair);
    }
    return pair;
  }
}

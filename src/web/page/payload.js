// The bytes of packets, where the stack shows them at all (glasstcp up --payload): asked for only when somebody unfolds this.
// As many packets as one can read are kept.

import { el } from './dom.js';
import * as format from './format.js';

const PACKETS_MOST = 200;
const BYTES_MOST = 512;
const SHOWN = 6;

/** Lines of sixteen bytes, in hexadecimal and as text. */
export function dump(bytes, offset) {
  const lines = [];
  for (let i = 0; i < bytes.length; i += 16) {
    const part = [...bytes.subarray(i, i + 16)];
    const hex = part.map((b) => b.toString(16).padStart(2, '0')).join(' ');
    const text = part.map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : '·')).join('');
    lines.push(`${String(offset + i).padStart(9)}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join('\n');
}

/** Bytes of two hexadecimal digits each. */
function decode(hex) {
  const pairs = hex.slice(0, 2 * BYTES_MOST).match(/[0-9a-f]{2}/g) ?? [];
  return Uint8Array.from(pairs, (pair) => parseInt(pair, 16));
}

export class Payload {
  constructor(stream, lane, playhead) {
    Object.assign(this, { lane, playhead });
    this.packets = [];
    this.lost = 0;
    this.refused = '';
    this.list = el('div', { class: 'payload', 'data-test': 'payload' });
    this.node = el(
      'details',
      { class: 'card', ontoggle: () => this.#toggled(stream) },
      el('summary', null, 'The bytes themselves'),
      this.list,
    );
    this.shown = '';
  }

  #toggled(stream) {
    this.refused = '';
    stream.carry(this.node.open);
  }

  /** They are not told, and this is why. */
  refuse(why) {
    if (typeof why === 'string') this.refused = why;
  }

  /** One that has come, or how many more came before the next. */
  put(packet) {
    this.refused = '';
    if (typeof packet.lost === 'number') this.lost += packet.lost;
    if (typeof packet.time_ns !== 'number' || typeof packet.hex !== 'string') return;
    this.packets.push({
      t: packet.time_ns,
      out: packet.direction === 'out',
      seq: Number(packet.seq) || 0,
      len: Number(packet.len) || 0,
      bytes: decode(packet.hex),
    });
    if (this.packets.length > PACKETS_MOST) this.packets.shift();
  }

  /** The last packets up to the playhead. */
  render() {
    if (!this.node.open) return;
    const t = this.playhead.t + this.lane.origin;
    const live = this.playhead.mode === 'live';
    const list = this.packets.filter((packet) => live || packet.t <= t).slice(-SHOWN);
    const key = [this.refused, this.lost, ...list.map((packet) => packet.t + packet.seq)].join();
    if (key === this.shown) return;
    this.shown = key;
    this.list.replaceChildren(
      ...list.map((packet) => {
        const what = `${packet.out ? '→ sent' : '← received'} · ${format.count(packet.len)} B · seq ${packet.seq}`;
        const head = el('p', { class: 'num quiet' }, `${format.moment(packet.t - this.lane.origin)} s ${what}`);
        return el('div', null, head, el('pre', null, dump(packet.bytes, 0)));
      }),
      this.lost > 0 ? el('p', { class: 'quiet' }, `${format.count(this.lost)} more were not shown.`) : '',
      this.refused ? el('p', { class: 'message bad' }, this.refused) : '',
    );
  }
}

// The sequence space of the sender as a bar: acknowledged, sacked, lost, in flight, what may be sent, what is blocked and by what.

import { describe, el, setText } from './dom.js';
import { bytesBefore, inFlight } from './fold.js';
import * as format from './format.js';
import { mark } from './legend.js';
import { niceStep } from './chart.js';
import { palette } from './theme.js';
import * as ranges from './ranges.js';
import { watch } from './watch.js';

const RECEIVED = [
  ['acknowledged', 'area', 'ack'],
  ['waiting', 'hatch', 'sack'],
  ['room', 'box', 'accent'],
];
const AGAIN_TIP = 'Sent again, and neither acknowledged nor reported by SACK yet: striped in the bar.';
const PARTS = [
  ['acknowledged', 'area', 'ack'],
  ['sacked', 'hatch', 'sack'],
  ['lost', 'cross', 'again'],
  ['sent again', 'hatch', 'again'],
  ['in flight', 'area', 'accent'],
  ['usable', 'box', 'accent'],
  ['blocked', 'dashbox', 'muted'],
];

/** Nothing new is sent in other states, nor behind a FIN. */
const SENDING = ['ESTABLISHED', 'CLOSE_WAIT'];

/** The numbers of the bar. `usable` and `blocked` are null where it is not known, or not asked any more, what may be sent. */
export function numbers(s) {
  const una = s.una ?? 0;
  const nxt = Math.max(s.nxt ?? una, una);
  const edge = Math.max(s.edge ?? nxt, una);
  const flight = inFlight(s) ?? 0;
  const sends = s.cwnd !== null && s.fin === null && SENDING.includes(s.state);
  const room = Math.max(0, (s.cwnd ?? 0) - flight);
  const usable = sends ? Math.max(0, Math.min(edge - nxt, room)) : null;
  const blocked = sends ? Math.max(0, edge - nxt - usable) : null;
  return {
    una,
    nxt,
    edge,
    flight,
    usable,
    blocked,
    acknowledged: bytesBefore(una, s.fin),
    sacked: ranges.size(s.sacked),
    lost: ranges.size(s.lost),
    'sent again': ranges.size(s.again),
    by: room <= edge - nxt ? 'cwnd' : 'rwnd',
  };
}

/** The same of an end that only receives: what has come, what waits for something before it, and how much room is left. */
export function received(s) {
  const una = s.rcvNxt ?? 0;
  const waiting = ranges.size(s.early);
  const top = s.early.length ? s.early[s.early.length - 1][1] : una;
  const edge = una + (s.rcvWnd ?? 0);
  return {
    una,
    nxt: top,
    edge: Math.max(edge, top),
    acknowledged: bytesBefore(una, s.peerFin),
    waiting,
    room: Math.max(0, edge - una - waiting),
  };
}

export class SequenceBar {
  /** `receives`: it is the direction towards us that is shown; it is shown as of `playhead`. */
  constructor(receives, playhead) {
    Object.assign(this, { receives, playhead });
    this.canvas = el('canvas', { class: 'seqbar', role: 'img', 'aria-label': 'Sequence space' });
    this.place = watch(this.canvas, (now) => playhead.touch(now));
    this.values = new Map();
    const list = el(
      'dl',
      { class: 'parts' },
      (receives ? RECEIVED : PARTS).map(([name, kind, colour]) => {
        const value = el('dd', { 'data-test': `seq-${name.replace(' ', '-')}` });
        const label = el('span', null, name);
        this.values.set(name, { value, label });
        return el('div', { 'data-tip': name === 'sent again' ? AGAIN_TIP : name, tabindex: '-1' }, el('dt', null, mark(kind, colour), label), value);
      }),
    );
    this.node = el(
      'section',
      { class: 'card card-seq', 'aria-label': 'What is sent, and what may be' },
      el('h3', null, 'The bytes in their order'),
      this.canvas,
      list,
    );
    this.drawn = '';
  }

  render(s) {
    const { seen, width: w, height: h } = this.place;
    if (!seen) return;
    const n = this.receives ? received(s) : numbers(s);
    for (const [name, { value }] of this.values)
      setText(value, format.bytes(name === 'in flight' ? n.flight : n[name]));
    if (!this.receives)
      setText(this.values.get('blocked').label, n.usable === 0 || n.blocked > 0 ? `blocked by ${n.by}` : 'blocked');
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const key = [
      w,
      h,
      ratio,
      n.una,
      n.nxt,
      n.edge,
      n.usable,
      n.sacked,
      n.lost,
      n.waiting,
      n['sent again'],
      palette().bg,
    ].join();
    if (key === this.drawn || w < 40) return;
    this.drawn = key;
    if (this.canvas.width !== Math.round(w * ratio)) this.canvas.width = Math.round(w * ratio);
    if (this.canvas.height !== Math.round(h * ratio)) this.canvas.height = Math.round(h * ratio);
    const g = this.canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, w, h);
    this.#paint(g, w, s, n);
    describe(this.canvas, this.playhead.mode !== 'paused', () =>
      this.receives
        ? `Sequence space: ${format.bytes(n.acknowledged)} acknowledged, ${format.bytes(n.waiting)} wait for something before them, room for ${format.bytes(n.room)}.`
        : `Sequence space: ${format.bytes(n.acknowledged)} acknowledged, ${format.bytes(n.flight)} in flight, ${format.bytes(n.sacked)} reported by SACK, ${format.bytes(n.lost)} lost${n.usable === null ? '' : `, ${format.bytes(n.usable)} may be sent, ${format.bytes(n.blocked)} blocked`}.`,
    );
  }

  #paint(g, w, s, n) {
    const c = palette();
    const top = 18;
    const tall = 30;
    const ahead = Math.max(
      n.nxt - n.una,
      Math.min(
        n.edge - n.una,
        Math.max((n.nxt - n.una) * 2.2, (this.receives ? 0 : (s.cwnd ?? 0)) * 1.25, this.receives ? 65536 : 4000),
      ),
    );
    const step = niceStep(Math.max(1, ahead * 1.999));
    const spanned = Math.max(step, ahead * 1.02);
    const before = spanned * 0.14;
    const x = (v) => ((v - n.una + before) / (spanned + before)) * w;
    const box = (a, b, colour, alpha = 1) => {
      g.globalAlpha = alpha;
      g.fillStyle = colour;
      g.fillRect(x(a), top, Math.max(b > a ? 1 : 0, x(b) - x(a)), tall);
      g.globalAlpha = 1;
    };
    g.save();
    g.beginPath();
    g.roundRect(0, top, w, tall, 7);
    g.clip();
    g.fillStyle = c.grid;
    g.fillRect(0, top, w, tall);
    box(n.una - before, n.una, c.ack, 0.5);
    if (this.receives) {
      this.#room(g, s, n, x, c, top, tall);
      g.restore();
      this.#marks(g, w, x, n, c, top, tall);
      return;
    }
    box(n.una, n.nxt, c.accent, 0.9);
    for (const [a, b] of s.again) this.#stripes(g, x(a), top, x(b) - x(a), tall, c.again);
    for (const [a, b] of s.sacked) {
      box(a, b, c.panel);
      this.#stripes(g, x(a), top, x(b) - x(a), tall, c.sack);
    }
    for (const [a, b] of s.lost) {
      box(a, b, c.panel);
      this.#crosses(g, x(a), top, Math.max(3, x(b) - x(a)), tall, c.again);
    }
    if (n.usable > 0) {
      g.strokeStyle = c.accent;
      g.lineWidth = 1.5;
      g.strokeRect(x(n.nxt) + 1, top + 1, Math.max(0, Math.min(w + 9, x(n.nxt + n.usable)) - x(n.nxt) - 2), tall - 2);
    }
    if (n.blocked > 0) {
      g.strokeStyle = c.muted;
      g.lineWidth = 1.25;
      g.setLineDash([4, 4]);
      const from = x(n.nxt + n.usable);
      if (from < w) g.strokeRect(from + 1, top + 2, w + 20 - from, tall - 4);
      g.setLineDash([]);
    }
    g.restore();
    this.#marks(g, w, x, n, c, top, tall);
  }

  /** Of an end that receives: what waits, and the room. */
  #room(g, s, n, x, c, top, tall) {
    for (const [a, b] of s.early) this.#stripes(g, x(a), top, x(b) - x(a), tall, c.sack);
    g.strokeStyle = c.accent;
    g.lineWidth = 1.5;
    g.strokeRect(x(n.una) + 1, top + 1, Math.max(0, x(n.edge) - x(n.una) - 2), tall - 2);
  }

  #stripes(g, x, y, w, h, colour) {
    if (w <= 0) return;
    g.save();
    g.beginPath();
    g.rect(x, y, Math.max(2, w), h);
    g.clip();
    g.strokeStyle = colour;
    g.lineWidth = 2.5;
    g.beginPath();
    for (let px = x - h - ((x - h) % 6); px < x + w; px += 6) {
      g.moveTo(px, y + h);
      g.lineTo(px + h, y);
    }
    g.stroke();
    g.restore();
  }

  #crosses(g, x, y, w, h, colour) {
    g.strokeStyle = colour;
    g.lineWidth = 1.5;
    g.strokeRect(x + 0.75, y + 1, w - 1.5, h - 2);
    g.beginPath();
    g.moveTo(x, y);
    g.lineTo(x + w, y + h);
    g.moveTo(x + w, y);
    g.lineTo(x, y + h);
    g.stroke();
  }

  #marks(g, w, x, n, c, top, tall) {
    g.font = `11px ${c.font}`;
    g.textBaseline = 'alphabetic';
    g.fillStyle = c.muted;
    g.strokeStyle = c.muted;
    g.lineWidth = 1;
    const at = (v) => Math.round(Math.min(w - 1, x(v))) + 0.5;
    const extent = (v, text, align) => {
      const wide = g.measureText(text).width;
      return align === 'left' ? [at(v) - 1, at(v) - 1 + wide] : [at(v) + 1 - wide, at(v) + 1];
    };
    const flag = (v, text, below, align) => {
      const px = at(v);
      g.beginPath();
      g.moveTo(px, below ? top + tall : top - 4);
      g.lineTo(px, below ? top + tall + 4 : top);
      g.stroke();
      g.textAlign = align;
      g.fillText(text, align === 'left' ? px - 1 : px + 1, below ? top + tall + 15 : top - 6);
    };
    const acked = `acknowledged up to ${format.count(n.una)}`;
    const sent = `${this.receives ? 'arrived' : 'sent'} up to ${format.count(n.nxt)}`;
    const side = extent(n.nxt, sent, 'left')[1] > w - 4 ? 'right' : 'left';
    flag(n.una, acked, false, 'left');
    flag(n.nxt, sent, true, side);
    if (x(n.edge) > w - 2 || n.edge <= n.nxt) return;
    // It goes where it touches neither of the others; where there is no such place, it is left out.
    const text = 'window ends';
    const others = { true: extent(n.nxt, sent, side), false: extent(n.una, acked, 'left') };
    const fits = ([below, align]) => {
      const [a, b] = extent(n.edge, text, align);
      const [c0, c1] = others[below];
      return a >= 0 && b <= w && (b + 8 < c0 || a > c1 + 8);
    };
    const place = [true, false].flatMap((below) => [[below, 'right'], [below, 'left']]).find(fits);
    if (place) flag(n.edge, text, ...place);
  }
}

// The ladder: both ends as lines, time downwards, an arrow for each segment, the states beside them, why each was sent.
// It grows with the playhead; a wheel or the arrow keys up and down look back.

import { howMany } from './columns.js';
import { describe, el, hideTip, setAttribute, showTip } from './dom.js';
import { drawCross } from './draw.js';
import * as explain from './explain.js';
import * as format from './format.js';
import { palette } from './theme.js';
import { isAgain } from './track.js';
import { watch } from './watch.js';

const ROW = 24;
const HEAD = 46;
const FOOT = 12;

export class Ladder {
  constructor(lane, playhead, index) {
    Object.assign(this, { lane, playhead, index });
    this.canvas = el('canvas', {
      class: 'ladder',
      tabindex: '0',
      role: 'img',
      'aria-label': 'Ladder of segments',
      'data-test': 'ladder',
    });
    this.place = watch(this.canvas, (now) => playhead.touch(now));
    this.slopes = false;
    this.button = el(
      'button',
      {
        class: 'chip',
        type: 'button',
        'aria-pressed': 'false',
        'data-test': 'ladder-slopes',
        title: 'Both ends were recorded: show when each segment left and when it arrived',
        onclick: () => this.#turn(),
      },
      'as it travels',
    );
    this.button.hidden = !lane.track.peer;
    this.node = el(
      'section',
      { class: 'card card-ladder', 'aria-label': 'Ladder' },
      el('div', { class: 'card-head' }, el('h3', null, 'Between the two ends'), this.button),
      el('div', { class: 'ladder-room' }, this.canvas),
      el('p', { class: 'quiet hint' }, 'Time runs down. Coral and dashed: sent again. Scroll with the wheel or ↑ ↓.'),
    );
    this.back = 0;
    this.drawn = '';
    this.hits = [];
    this.#listen();
  }

  #turn() {
    this.slopes = !this.slopes;
    setAttribute(this.button, 'aria-pressed', String(this.slopes));
    this.back = 0;
    this.drawn = '';
    this.playhead.touch();
  }

  /** The segments that are drawn: those that this end sent and received or, as they travel, those of both ends. */
  get list() {
    return this.slopes ? this.lane.track.segments : this.lane.track.own;
  }

  /** How many segments there were up to the playhead. */
  #upTo(at) {
    const segments = this.list;
    return howMany(segments.length, (i) => segments[i] < at);
  }

  render() {
    const { canvas, lane } = this;
    const { seen, width: w, height: h } = this.place;
    if (!seen || w < 60) return;
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const end = this.#upTo(this.playhead.lanes[this.index].at);
    const rows = Math.floor((h - HEAD - FOOT) / ROW);
    this.back = Math.max(0, Math.min(this.back, end - rows));
    const last = end - this.back;
    const key = [w, h, ratio, last, this.slopes, lane.track.dropped, end, palette().bg].join();
    if (key === this.drawn) return;
    this.drawn = key;
    if (canvas.width !== Math.round(w * ratio)) canvas.width = Math.round(w * ratio);
    if (canvas.height !== Math.round(h * ratio)) canvas.height = Math.round(h * ratio);
    const g = canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, w, h);
    this.#paint(g, w, h, Math.max(0, last - rows), last);
    const newest = lane.track.event(this.list[last - 1]);
    describe(canvas, this.playhead.mode !== 'paused', () =>
      newest
        ? `Ladder of ${format.plural(end, 'segment')}; the last: ${newest.name}, ${explain.line(newest)}. ${explain.why(newest)}`
        : 'Ladder: no segment yet.',
    );
  }

  #paint(g, w, h, first, last) {
    const c = palette();
    const { track } = this.lane;
    const narrow = w < 420;
    const left = narrow ? 62 : 74;
    // The states of the other end stand there only where it was recorded.
    const right = w - (narrow && !track.peer ? 14 : left);
    this.#heads(g, w, c);
    const list = [];
    for (let i = first; i < last; i += 1) list.push(track.event(this.list[i]));
    const y = (k) => HEAD + (k + 0.5) * ROW;
    const place = new Map(list.map((e, k) => [e, k]));
    this.hits = [];
    this.#lines(g, left, right, h, list, y, c, track);
    g.save();
    g.beginPath();
    g.rect(0, HEAD - 6, w, h - HEAD + 6);
    g.clip();
    list.forEach((e, k) => this.#arrow(g, { e, k, y, place, left, right, c, track, h }));
    g.restore();
    this.#times(g, list, y, left, c);
    if (!list.length) {
      g.fillStyle = c.muted;
      g.textAlign = 'center';
      g.font = `13px ${c.font}`;
      g.fillText('No segment yet.', w / 2, HEAD + 40);
    }
  }

  #heads(g, w, c) {
    const { end } = this.lane.track;
    g.textBaseline = 'alphabetic';
    g.fillStyle = c.text;
    g.font = `600 12px ${c.font}`;
    g.textAlign = 'left';
    g.fillText(end.host && end.host !== end.local ? end.host : 'this end', 2, 14);
    g.textAlign = 'right';
    g.fillText(this.lane.track.peer?.host || 'the peer', w - 2, 14);
    g.fillStyle = c.muted;
    g.font = `11px ${c.font}`;
    const room = w / 2 - 8;
    const fit = (text) => (g.measureText(text).width > room ? `…${text.slice(-18)}` : text);
    g.fillText(fit(end.remote ?? ''), w - 2, 29);
    g.textAlign = 'left';
    g.fillText(fit(end.local ?? ''), 2, 29);
  }

  /** The two lines; the states change where a segment says so. */
  #lines(g, left, right, h, list, y, c, track) {
    g.strokeStyle = c.line;
    g.lineWidth = 2;
    g.beginPath();
    g.moveTo(left, HEAD - 6);
    g.lineTo(left, h);
    g.moveTo(right, HEAD - 6);
    g.lineTo(right, h);
    g.stroke();
    g.font = `600 9.5px ${c.font}`;
    g.textBaseline = 'middle';
    const shown = [null, null];
    const put = (side, state, k) => {
      if (!state || shown[side] === state) return;
      shown[side] = state;
      const x = side ? right : left;
      g.fillStyle = c.accent;
      g.beginPath();
      g.arc(x, y(k), 3.5, 0, 7);
      g.fill();
      g.textAlign = side ? 'left' : 'right';
      const words = state.replaceAll('_', ' ').replace('ESTABLISHED', 'ESTAB.');
      const parts = words.length > 10 ? words.split(' ') : [words];
      const lines = parts.length > 2 ? [parts.slice(0, 2).join(' '), parts[2]] : parts;
      lines.forEach((part, i) => g.fillText(part, side ? x + 9 : x - 9, y(k) + (i - (lines.length - 1) / 2) * 10));
    };
    list.forEach((e, k) => {
      put(track.side(e), e.d.state, k);
      if (!this.slopes && e.twin && e.name === 'received') put(1, e.twin.d.state, k);
    });
  }

  #arrow(g, { e, k, y, place, left, right, c, track, h }) {
    const side = track.side(e);
    const sent = e.name === 'sent';
    const linked = this.slopes;
    if (linked && !sent && e.twin && place.has(e.twin)) return;
    const from = (side === 0) === sent ? left : right;
    const to = from === left ? right : left;
    let y0 = y(k);
    let y1 = y(k) + ROW * 0.55;
    const lost = Boolean(track.peer) && sent && !e.twin && track.last - e.t > 3e8 + 2 * (track.heads[0].srtt ?? 0);
    if (linked && sent) {
      const arrived = e.twin ? place.get(e.twin) : undefined;
      y1 = arrived !== undefined ? y(arrived) : h + ROW;
      if (lost) y1 = y0 + ROW * 0.8;
    } else if (!sent) {
      y1 = y(k);
      y0 = linked ? HEAD - ROW : y(k) - ROW * 0.55;
    }
    const again = sent && isAgain(e.d.why);
    const colour = again ? c.again : e.d.len ? c.accent : c.muted;
    const reach = lost ? from + (to - from) * 0.62 : to;
    const outside = linked && !lost && (sent ? y1 > h : y0 < HEAD);
    g.globalAlpha = outside ? 0.38 : 1;
    g.strokeStyle = colour;
    g.fillStyle = colour;
    g.lineWidth = e.d.len || again ? 1.75 : 1.25;
    g.setLineDash(again ? [6, 3] : []);
    g.beginPath();
    g.moveTo(from, y0);
    g.lineTo(reach, y1);
    g.stroke();
    g.setLineDash([]);
    if (lost) drawCross(g, reach, y1, c.again);
    else this.#point(g, from, y0, to, y1);
    g.globalAlpha = 1;
    const at = sent ? [from, y0] : [to, y1];
    this.#label(g, e, at, left, right, c, again, sent);
    this.hits.push({ e, y: y(k) });
  }

  #point(g, x0, y0, x1, y1) {
    const a = Math.atan2(y1 - y0, x1 - x0);
    g.beginPath();
    g.moveTo(x1, y1);
    g.lineTo(x1 - 7 * Math.cos(a - 0.42), y1 - 7 * Math.sin(a - 0.42));
    g.lineTo(x1 - 7 * Math.cos(a + 0.42), y1 - 7 * Math.sin(a + 0.42));
    g.closePath();
    g.fill();
  }

  /** What the segment is, on its own background so that arrows behind it do not make it hard to read. */
  #label(g, e, [x, y], left, right, c, again, sent) {
    const room = right - left - 40;
    const segment = explain.line(e).replace(/ · SACK.*/, ' · SACK');
    const reason = explain.why(e);
    g.font = `11px ${c.font}`;
    g.textBaseline = 'middle';
    let text = sent && reason && reason !== 'new data' ? `${segment} · ${reason}` : segment;
    if (g.measureText(text).width > room) text = segment;
    // Where there is little room, which bytes it has is more than that it has ACK as all have.
    if (e.d.len && !/SYN|FIN|RST/.test(e.d.flags) && g.measureText(text).width > room) text = text.replace(/^.*? · /, '');
    while (text.length > 4 && g.measureText(text).width > room) text = `${text.slice(0, -2).trimEnd()}…`;
    const w = g.measureText(text).width;
    const lower = y - 1;
    const start = x === left ? left + 14 : right - 14 - w;
    g.globalAlpha = 0.86;
    g.fillStyle = c.panel;
    g.fillRect(start - 4, lower - 8, w + 8, 15);
    g.globalAlpha = 1;
    g.fillStyle = again ? c.again : e.d.len ? c.text : c.muted;
    g.textAlign = 'left';
    g.fillText(text, start, lower);
  }

  #times(g, list, y, left, c) {
    g.font = `10px ${c.font}`;
    g.textBaseline = 'middle';
    g.fillStyle = c.muted;
    let before = -99;
    list.forEach((e, k) => {
      if (y(k) - before < ROW * 1.9) return;
      const state = e.d.state;
      if (state && (k === 0 || list[k - 1]?.d.state !== state)) return;
      before = y(k);
      g.textAlign = 'right';
      if (this.lane.track.side(e) === 0) g.fillText(format.moment(e.t - this.lane.origin).slice(0, -1), left - 7, y(k));
    });
  }

  #hit(event) {
    const box = this.canvas.getBoundingClientRect();
    const y = event.clientY - box.top;
    const hit = this.hits.find((h) => Math.abs(h.y - y) <= ROW / 2);
    return hit?.e ?? null;
  }

  #listen() {
    const { canvas } = this;
    const scroll = (rows) => {
      this.back = Math.max(0, this.back + rows);
      this.drawn = '';
      this.playhead.touch();
    };
    canvas.addEventListener(
      'wheel',
      (event) => {
        if (event.ctrlKey) return;
        const before = this.back;
        if (event.deltaY < 0 || this.back > 0) event.preventDefault();
        scroll(-Math.sign(event.deltaY) * 3);
        if (before === 0 && event.deltaY > 0) this.back = 0;
      },
      { passive: false },
    );
    canvas.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowUp') scroll(1);
      else if (event.key === 'ArrowDown') scroll(-1);
      else return;
      event.preventDefault();
    });
    canvas.addEventListener('pointermove', (event) => {
      const e = this.#hit(event);
      if (!e) return hideTip();
      const told = explain.explain(e, this.lane.origin);
      return showTip(
        [told.title, told.text, `${format.moment(e.t - this.lane.origin)} s`],
        event.clientX,
        event.clientY,
      );
    });
    canvas.addEventListener('pointerleave', hideTip);
    canvas.addEventListener('click', (event) => {
      const e = this.#hit(event);
      const { track } = this.lane;
      const at = e ? track.events.indexOf(e) : -1;
      if (at < 0) return;
      this.back = 0;
      this.playhead.seekTo(this.index, track.dropped + at);
    });
  }
}

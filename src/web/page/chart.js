// A strip: a canvas with time to the right, axes, the playhead, and a tooltip. What is drawn in it is a `plot`:
// `{key, title, height, legend, unit, extent(lane, from, to), paint(frame), tip(frame, x, y), summary(lane, at)}`.
// Live it is drawn as it is; else the picture is kept, and when only the playhead moves it is not drawn again.

import { describe, el, hideTip, showTip } from './dom.js';
import { tick } from './format.js';
import { palette } from './theme.js';
import { legend } from './legend.js';
import { watch } from './watch.js';

const LEFT = 62;
const RIGHT = 14;
const TOP = 10;
const BOTTOM = 22;

/** The largest of 1, 2, 5 times a power of ten that is not above `v`. */
export function niceStep(v) {
  const power = 10 ** Math.floor(Math.log10(v));
  const m = v / power;
  return (m >= 5 ? 5 : m >= 2 ? 2 : 1) * power;
}

/** The smallest of them that is not below `v`. */
const stepUp = (v) => {
  const low = niceStep(v);
  if (low >= v) return low;
  const power = 10 ** Math.floor(Math.log10(v));
  return low / power < 1.5 ? 2 * power : low / power < 2.5 ? 5 * power : 10 * power;
};

export class Strip {
  /** `lane`: `{track, origin}`; `view`: `{from, to}` shared with other strips; `scale(key, extent)` gives the extent that all share. */
  constructor({ plot, lane, view, playhead, scale, onZoom }) {
    Object.assign(this, { plot, lane, view, playhead, scale, onZoom });
    this.canvas = el('canvas', {
      class: 'plot',
      tabindex: '0',
      role: 'img',
      'aria-label': plot.title,
      'data-test': `plot-${plot.key}`,
    });
    this.canvas.style.height = `${plot.height}px`;
    this.node = el(
      'figure',
      { class: 'strip', 'data-plot': plot.key },
      el('figcaption', null, el('h3', null, plot.title), legend(plot.legend)),
      this.canvas,
    );
    this.picture = document.createElement('canvas');
    this.place = watch(this.canvas, (now) => playhead.touch(now));
    this.size = [0, 0];
    this.drawn = '';
    this.pictured = '';
    this.#listen();
  }

  /** Takes the size that it has. */
  #measure() {
    const { width: w, height: h } = this.place;
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    if (w === this.size[0] && h === this.size[1] && ratio === this.ratio) return;
    this.size = [w, h];
    this.ratio = ratio;
    this.#fit(this.canvas);
    this.drawn = '';
    this.pictured = '';
  }

  #fit(canvas) {
    canvas.width = Math.max(1, Math.round(this.size[0] * this.ratio));
    canvas.height = Math.max(1, Math.round(this.size[1] * this.ratio));
  }

  /** What of the values is in the view: `[low, high]`. */
  extent() {
    const { view, lane } = this;
    return this.plot.extent(lane, view.from + lane.origin, view.to + lane.origin);
  }

  frame(g) {
    const [w, h] = this.size;
    const { view, lane } = this;
    const [low, high] = this.scale(this.plot.key, this.extent());
    const from = view.from + lane.origin;
    const to = view.to + lane.origin;
    const bottom = h - BOTTOM - (this.plot.foot ?? 0);
    const across = (w - LEFT - RIGHT) / Math.max(1, to - from);
    const up = (bottom - TOP) / Math.max(1e-9, high - low);
    return {
      g,
      lane,
      from,
      to,
      low,
      high,
      series: lane.track.series,
      track: lane.track,
      colours: palette(),
      left: LEFT,
      right: w - RIGHT,
      until: Math.min(w - RIGHT, LEFT + (this.#known() - from) * across),
      top: TOP,
      bottom,
      floor: h - BOTTOM,
      height: h,
      x: (t) => LEFT + (t - from) * across,
      y: (v) => bottom - (v - low) * up,
      time: (x) => from + (x - LEFT) / across,
    };
  }

  /** The last moment of which it is known how it was. */
  #known() {
    const { playhead, lane } = this;
    return playhead.live ? playhead.end + lane.origin : lane.track.last;
  }

  /** Draws if something has changed. */
  render() {
    if (!this.place.seen) return;
    this.#measure();
    if (this.size[0] < 40) return;
    const { view, lane, playhead } = this;
    const [low, high] = this.scale(this.plot.key, this.extent());
    const known = Math.min(this.#known() - lane.origin, view.to);
    const key = `${view.from}:${view.to}:${known}:${lane.track.version}:${low}:${high}:${palette().bg}`;
    const shown = `${key}:${playhead.mode === 'live' ? 'live' : playhead.t}`;
    if (shown === this.drawn) return;
    this.drawn = shown;
    if (playhead.mode === 'live') {
      this.#draw(this.canvas);
      this.pictured = '';
    } else {
      if (key !== this.pictured) {
        this.#fit(this.picture);
        this.#draw(this.picture);
        this.pictured = key;
      }
      this.#show();
    }
    describe(this.canvas, playhead.mode !== 'paused', () => `${this.plot.title}. ${this.plot.summary(lane)}`);
  }

  #draw(canvas) {
    const g = canvas.getContext('2d');
    g.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    g.clearRect(0, 0, ...this.size);
    this.#paint(this.frame(g));
  }

  #show() {
    const [w, h] = this.size;
    const g = this.canvas.getContext('2d');
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, this.canvas.width, this.canvas.height);
    g.drawImage(this.picture, 0, 0);
    g.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    const c = palette();
    const { view } = this;
    const x = LEFT + ((this.playhead.t - view.from) / Math.max(1, view.to - view.from)) * (w - LEFT - RIGHT);
    if (x < LEFT - 1) return;
    const at = Math.min(x, w - RIGHT);
    g.globalAlpha = 0.64;
    g.fillStyle = c.panel;
    g.fillRect(at, 0, w - RIGHT - at + 6, h - BOTTOM + 1);
    g.globalAlpha = 1;
    if (x > w - RIGHT + 1) return;
    g.strokeStyle = c.text;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(Math.round(x) + 0.5, 2);
    g.lineTo(Math.round(x) + 0.5, h - BOTTOM);
    g.stroke();
  }

  #paint(frame) {
    const { g, left, right, top, floor, bottom } = frame;
    this.#axes(frame);
    g.save();
    g.beginPath();
    g.rect(left, top - 4, right - left + 2, floor - top + 4);
    g.clip();
    this.#gaps(frame);
    this.plot.paint(frame);
    g.restore();
    g.strokeStyle = frame.colours.line;
    g.beginPath();
    g.moveTo(left, bottom + 0.5);
    g.lineTo(right, bottom + 0.5);
    g.stroke();
  }

  #gaps({ g, x, track, colours, top, floor, from, to }) {
    g.fillStyle = colours.grid;
    for (const gap of track.gaps) if (gap.t >= from && gap.t <= to) g.fillRect(x(gap.t) - 3, top, 6, floor - top);
  }

  #axes({ g, from, to, lane, low, high, left, right, top, bottom, height, x, y, colours }) {
    g.font = `11px ${colours.font}`;
    g.textBaseline = 'middle';
    g.fillStyle = colours.muted;
    g.strokeStyle = colours.grid;
    g.lineWidth = 1;
    g.textAlign = 'center';
    const wide = right - left;
    const step = Math.max(1, stepUp(((to - from) / wide) * (wide < 320 ? 56 : 76)));
    for (let t = Math.ceil((from - lane.origin) / step) * step; t <= to - lane.origin; t += step) {
      const px = Math.round(x(t + lane.origin)) + 0.5;
      g.beginPath();
      g.moveTo(px, top);
      g.lineTo(px, bottom);
      g.stroke();
      if (px > left - 2 && px < right - 16) g.fillText(tick(t, step), px, height - 9);
    }
    g.textAlign = 'right';
    const rise = niceStep(Math.max(1e-9, (high - low) / Math.max(1, (bottom - top) / 44)));
    for (let v = Math.ceil(low / rise) * rise; v <= high + rise * 1e-6; v += rise) {
      const py = Math.round(y(v)) + 0.5;
      if (py < top - 2) break;
      g.beginPath();
      g.moveTo(left, py);
      g.lineTo(right, py);
      g.stroke();
      g.fillText(v === 0 ? '0' : this.plot.unit(v), left - 8, py);
    }
  }

  #listen() {
    const { canvas } = this;
    let from = null;
    const time = (event) => {
      const box = canvas.getBoundingClientRect();
      const share = (event.clientX - box.left - LEFT) / Math.max(1, box.width - LEFT - RIGHT);
      return this.view.from + Math.min(1, Math.max(0, share)) * (this.view.to - this.view.from);
    };
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      from = { t: time(event), zoom: event.shiftKey };
      if (event.pointerType === 'mouse') canvas.setPointerCapture(event.pointerId);
      if (!event.shiftKey && event.pointerType === 'mouse') this.playhead.seek(from.t);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (from && event.pointerType === 'mouse' && !from.zoom) this.playhead.seek(time(event));
      else this.#point(event);
    });
    canvas.addEventListener('pointerup', (event) => {
      if (from?.zoom) this.onZoom(Math.min(from.t, time(event)), Math.max(from.t, time(event)));
      else if (from && event.pointerType !== 'mouse') this.playhead.seek(time(event));
      from = null;
    });
    canvas.addEventListener('pointercancel', () => {
      from = null;
    });
    canvas.addEventListener('pointerleave', hideTip);
    canvas.addEventListener(
      'wheel',
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const t = time(event);
        const by = Math.exp(Math.max(-1, Math.min(1, event.deltaY / 120)) * 0.3);
        this.onZoom(t - (t - this.view.from) * by, t + (this.view.to - t) * by);
      },
      { passive: false },
    );
  }

  #point(event) {
    if (this.size[0] < 40) return;
    const box = this.canvas.getBoundingClientRect();
    const frame = this.frame(null);
    const lines = this.plot.tip(frame, event.clientX - box.left, event.clientY - box.top);
    if (lines) showTip(lines, event.clientX, event.clientY);
    else hideTip();
  }
}

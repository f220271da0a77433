// The workbench: one connection or two beside each other, with one playhead, one view of time and the same scales.

import { el, say } from './dom.js';
import { ConnView } from './connview.js';
import * as format from './format.js';
import { Playhead } from './playhead.js';
import { still } from './theme.js';
import { forget } from './watch.js';

const LIVE_SPAN = 10e9;
/** What the stream tells is drawn so often, in milliseconds: faster it is not read, and each time takes from the transfer that is looked at. */
const LIVE_LEAST = 240;
/** The same where nothing is new but the time; and how often numbers change. */
const QUIET_LEAST = 480;
/** When nothing has come for so long it is drawn all the same, as time goes on: later than the next news of a busy connection. */
const QUIET_LATER = 640;
/** Drawing, and the browser's painting of it, take at most so much of the time, however much there is to draw; but it is drawn once in a second. */
const SHARE = 1 / 80;
const LIVE_MOST = 1000;
/** That drawing once took longer than this, in milliseconds, is something else's doing. */
const TOOK_MOST = 100;

export class Bench {
  constructor(transport) {
    this.transport = transport;
    this.node = el('div', { class: 'bench' });
    this.views = [];
    this.scales = new Map();
    this.playhead = null;
    this.dirty = false;
    this.before = 0;
    this.counted = 0;
    this.took = 0;
    /** As it was when it was drawn last. */
    this.mode = null;
    this.version = null;
  }

  /**
   * Shows `lanes`: `[{track, origin, actions, own}]`. `live`: events still come, and `now()` is the stack's time.
   */
  show(lanes, { live = false, now = null } = {}) {
    this.close();
    const playhead = new Playhead(
      lanes.map(({ track, origin }) => ({ track, origin })),
      { live, now },
    );
    this.playhead = playhead;
    this.anchored = false;
    this.span = live ? LIVE_SPAN : Infinity;
    this.view = { from: playhead.start, to: playhead.end };
    if (!live) playhead.speed = this.#fitting();
    this.views = lanes.map(
      (lane, index) =>
        new ConnView({
          lane: playhead.lanes[index],
          playhead,
          index,
          view: this.view,
          own: lane.own,
          actions: lane.actions,
          scale: (key, extent) => this.#scale(key, extent),
          onZoom: (from, to) => this.#zoom(from, to),
        }),
    );
    this.views.forEach((view) => view.zoom.append(...this.#zoomButtons()));
    this.node.replaceChildren(...this.views.map((view) => view.node));
    this.node.classList.toggle('two', lanes.length > 1);
    this.transport.attach(playhead);
    playhead.listen((now) => this.#told(now));
    this.request({ now: true });
  }

  close() {
    forget();
    clearTimeout(this.timer);
    clearTimeout(this.saying);
    this.views = [];
    this.playhead = null;
    this.counted = 0;
    this.mode = null;
    this.version = null;
    this.node.replaceChildren();
    this.transport.attach(null);
  }

  /** A speed at which the whole takes some twenty seconds. */
  #fitting() {
    const seconds = (this.playhead.end - this.playhead.start) / 1e9;
    const speeds = [0.001, 0.01, 0.1, 0.25, 0.5, 1, 2, 5, 10];
    return speeds.find((s) => seconds / s <= 30) ?? 10;
  }

  #zoomButtons() {
    const button = (label, title, test, f) =>
      el(
        'button',
        { type: 'button', class: 'small', title, 'aria-label': title, 'data-test': test, onclick: f },
        label,
      );
    return [
      el('span', { class: 'quiet hint' }, 'Click: go there. Shift and drag: look closer.'),
      button('−', 'See more time', 'zoom-out', () => this.#by(2)),
      button('+', 'Look closer', 'zoom-in', () => this.#by(0.5)),
      button('all', 'See all of the time', 'zoom-all', () => {
        this.span = Infinity;
        this.request({ now: true });
      }),
    ];
  }

  #by(factor) {
    const { view, playhead } = this;
    const middle = playhead.mode === 'live' ? view.to : Math.min(Math.max(playhead.t, view.from), view.to);
    this.#zoom(middle - (middle - view.from) * factor, middle + (view.to - middle) * factor);
  }

  #zoom(from, to) {
    const { playhead, view } = this;
    const whole = playhead.end - playhead.start;
    const span = Math.max(1000, to - from);
    this.span = span >= whole ? Infinity : span;
    view.from = from;
    view.to = from + span;
    this.request({ now: true });
  }

  #scale(key, extent) {
    if (this.views.length < 2) return extent;
    let known = this.scales.get(key);
    if (!known) {
      known = this.views
        .map((v) => v.strips.find((s) => s.plot.key === key).extent())
        .reduce((a, b) => [Math.min(a[0], b[0]), Math.max(a[1], b[1])]);
      this.scales.set(key, known);
    }
    return known;
  }

  #told(now) {
    this.request({ now });
    const { playhead } = this;
    if (!playhead || playhead.mode !== 'paused') return;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => this.#say(), 700);
  }

  /** After a step, and when it has stood for a moment, what is seen is also said. */
  #say() {
    const { playhead, views } = this;
    if (!playhead || playhead.mode !== 'paused' || !views.length) return;
    const title = views[0].events.details.querySelector('h4')?.textContent ?? '';
    say(`${format.moment(playhead.t)} seconds. ${title}. ${views[0].limit.textContent}`, 500);
  }

  /**
   * Has it drawn as soon as it may be; a frame is asked for only then, as one costs something although nothing is drawn in it.
   * `now`: it is what somebody does, who does not wait.
   */
  request({ now: awaited = false } = {}) {
    if (this.dirty || !this.playhead) return;
    const early = awaited ? 0 : this.#early(performance.now());
    if (early > 0) {
      this.#later(early);
      return;
    }
    this.dirty = true;
    requestAnimationFrame((now) => this.#frame(now));
  }

  /** How much too early it is to draw again. */
  #early(now) {
    if (now < this.before) return 0;
    const playing = still() ? 250 : 32;
    const least = this.playhead.mode === 'playing' ? playing : this.#least();
    return least - (now - this.before);
  }

  #frame(now) {
    this.dirty = false;
    const { playhead } = this;
    if (!playhead) return;
    const live = playhead.mode === 'live';
    // Of the time that it stood nothing is played.
    const goesOn = playhead.mode === this.mode;
    const since = goesOn ? now - this.before : 0;
    this.before = now;
    this.version = playhead.lanes[0].track.version;
    this.#anchor();
    playhead.tick(Math.max(0, Math.min(since, 400)));
    this.mode = playhead.mode;
    this.#follow();
    this.scales.clear();
    const brief = live && goesOn && now - this.counted < QUIET_LEAST - 20;
    if (!brief) this.counted = now;
    const begun = performance.now();
    for (const view of this.views) view.render(brief);
    this.transport.render();
    // What comes after this frame's painting.
    setTimeout(() => (this.took += (Math.min(performance.now() - begun, TOOK_MOST) - this.took) * 0.2));
    if (playhead.mode === 'playing') this.request();
    else if (playhead.mode === 'live') this.#later(QUIET_LATER);
  }

  /** How long it is at least from one time that it is drawn for what the stream tells to the next. */
  #least() {
    // What comes first is shown at once.
    if (!this.anchored) return 0;
    const { version } = this.playhead.lanes[0].track;
    const least = version === this.version ? QUIET_LEAST : LIVE_LEAST;
    return Math.max(least, Math.min(LIVE_MOST, this.took / SHARE));
  }

  /** A live connection counts from the first event that is known of it. */
  #anchor() {
    const [lane] = this.playhead.lanes;
    if (!this.playhead.live || this.anchored || !lane.track.events.length) return;
    this.anchored = true;
    lane.origin = lane.track.first;
    if (this.playhead.mode !== 'live') this.playhead.seek(this.playhead.end);
  }

  #later(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.request(), ms);
  }

  /** Moves the view of time so that the playhead is in it. */
  #follow() {
    const { view, playhead } = this;
    const { start, end, t } = playhead;
    if (this.span === Infinity) {
      view.from = start;
      view.to = Math.max(end, start + 1000);
      return;
    }
    if (playhead.mode === 'live') {
      view.to = end;
      view.from = Math.max(end - this.span, Math.min(start, end - 1e9));
    } else if (t < view.from || t > view.to) {
      view.from = t - this.span * (t > view.to && playhead.mode === 'playing' ? 0.2 : 0.5);
      view.to = view.from + this.span;
    }
  }
}

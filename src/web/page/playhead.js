// One moment that all views show. It follows the newest (live), stands (paused), or moves by itself (playing).

import { happened } from './track.js';

export const SPEEDS = [0.001, 0.01, 0.1, 0.25, 0.5, 1, 2, 5, 10];

/** The place behind an event and the snapshots that were taken right after it: so it is the same from either side. */
function behind(track, at) {
  const { t } = track.event(at);
  let k = at + 1;
  for (let e = track.event(k); e && !happened(e) && e.t === t; e = track.event(k)) k += 1;
  return k;
}

export class Playhead {
  /** `lanes`: `[{track, origin}]`; their clocks are one after each `origin` is taken away. `live`: new events come. */
  constructor(lanes, { live = false, now = null } = {}) {
    this.lanes = lanes.map((lane) => ({ ...lane, at: lane.track.length }));
    this.live = live;
    this.now = now;
    this.mode = live ? 'live' : 'paused';
    this.speed = 1;
    this.t = this.end;
    this.listeners = new Set();
  }

  get start() {
    return Math.min(...this.lanes.map(({ track, origin }) => track.first - origin));
  }

  get end() {
    const last = Math.max(...this.lanes.map(({ track, origin }) => track.last - origin));
    if (!this.live || !this.now) return last;
    const now = this.now();
    return now === null ? last : Math.max(last, now - this.lanes[0].origin);
  }

  #tell(now = true) {
    for (const f of this.listeners) f(now);
  }

  /** Something about how it is shown has changed; `now`: and somebody waits for it. */
  touch(now = true) {
    this.#tell(now);
  }

  /** That it changed is told to `f`, with whether somebody waits for it. */
  listen(f) {
    this.listeners.add(f);
  }

  #place(t) {
    this.t = t;
    for (const lane of this.lanes) lane.at = lane.track.upTo(t + lane.origin);
  }

  /** Moves to `t`; it stands there. */
  seek(t) {
    this.mode = 'paused';
    this.#place(Math.min(Math.max(t, this.start), this.end));
    this.#tell();
  }

  /** Moves just behind the event at `at` of a lane, even if others have the same time. */
  seekTo(index, at) {
    const lane = this.lanes[index];
    const e = lane.track.event(at);
    if (!e) return;
    this.mode = 'paused';
    this.#place(e.t - lane.origin);
    lane.at = behind(lane.track, at);
    this.#tell();
  }

  pause() {
    if (this.mode === 'live') this.#place(this.end);
    this.mode = 'paused';
    this.#tell();
  }

  play() {
    if (this.t >= this.end - 1) {
      if (this.live) return this.goLive();
      this.#place(this.start);
    }
    this.mode = 'playing';
    return this.#tell();
  }

  /** Space: what stands plays on, what moves stands. */
  toggle() {
    if (this.mode === 'paused') this.play();
    else this.pause();
  }

  goLive() {
    if (this.live) {
      this.mode = 'live';
      this.tick(0);
    } else {
      this.seek(this.end);
    }
    this.#tell();
  }

  /** One event on (1) or back (-1), in whichever lane it is next. */
  step(direction) {
    if (this.mode !== 'paused') this.pause();
    let best = null;
    for (const lane of this.lanes) {
      let k = direction > 0 ? lane.at : lane.at - 1;
      while (lane.track.event(k) && !happened(lane.track.event(k))) k += direction;
      const e = lane.track.event(k);
      if (!e) continue;
      const t = e.t - lane.origin;
      if (!best || (direction > 0 ? t < best.t : t > best.t)) best = { lane, k, t };
    }
    if (!best) return;
    best.lane.at = direction > 0 ? behind(best.lane.track, best.k) : best.k;
    const before = this.lanes.map(({ track, origin, at }) => (track.event(at - 1)?.t ?? track.first) - origin);
    this.t = direction > 0 ? best.t : Math.max(...before);
    this.#tell();
  }

  faster(direction) {
    const k = SPEEDS.indexOf(this.speed);
    this.setSpeed(SPEEDS[Math.min(Math.max(k + direction, 0), SPEEDS.length - 1)]);
  }

  setSpeed(speed) {
    this.speed = speed;
    this.#tell();
  }

  /** Lets `ms` of real time pass. Says whether anything moved. */
  tick(ms) {
    if (this.mode === 'paused') {
      this.#keepInside();
      return false;
    }
    if (this.mode === 'live') {
      this.t = this.end;
      for (const lane of this.lanes) lane.at = lane.track.length;
      return true;
    }
    const t = this.t + ms * 1e6 * this.speed;
    if (t < this.end) {
      this.#place(t);
      return true;
    }
    this.#place(this.end);
    this.mode = this.live ? 'live' : 'paused';
    this.#tell();
    return true;
  }

  /** While it stands, what it stood on may have been dropped. */
  #keepInside() {
    for (const lane of this.lanes) if (lane.at < lane.track.dropped) lane.at = lane.track.dropped;
    if (this.t < this.start) this.t = this.start;
  }
}

// The playback bar: live, pause, steps, speed, and a slider over the whole recording.

import { el, setAttribute, setText, svg, toggle } from './dom.js';
import * as format from './format.js';
import { SPEEDS } from './playhead.js';

const ICONS = {
  play: 'M5 3.5L13 8L5 12.5Z',
  pause: 'M4.5 3.5H7V12.5H4.5ZM9 3.5H11.5V12.5H9Z',
  back: 'M11.5 3.5L5.5 8L11.5 12.5ZM3.5 3.5H5V12.5H3.5Z',
  forward: 'M4.5 3.5L10.5 8L4.5 12.5ZM11 3.5H12.5V12.5H11Z',
};

const icon = (name) =>
  svg('svg', { viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));

export class Transport {
  constructor() {
    const button = (test, label, name, f) =>
      el(
        'button',
        { type: 'button', class: 'icon', 'data-test': test, 'aria-label': label, title: label, onclick: f },
        icon(name),
      );
    this.back = button('step-back', 'Step back (←)', 'back', () => this.playhead?.step(-1));
    this.pause = button('pause', 'Pause (space)', 'pause', () => this.playhead?.toggle());
    this.forward = button('step-forward', 'Step forward (→)', 'forward', () => this.playhead?.step(1));
    this.live = el(
      'button',
      { type: 'button', class: 'live', 'data-test': 'live', onclick: () => this.playhead?.goLive() },
      el('i', { 'aria-hidden': 'true' }),
      'live',
    );
    this.slider = el('input', {
      type: 'range',
      min: '0',
      max: '10000',
      step: '1',
      'aria-label': 'Moment of the recording',
      'data-test': 'scrub',
      oninput: () => this.#scrub(),
    });
    this.time = el('output', { class: 'num', 'data-test': 'playhead-time' });
    this.index = el('output', { class: 'num quiet', 'data-test': 'playhead-index' });
    this.speed = el(
      'select',
      {
        'data-test': 'speed',
        'aria-label': 'Speed',
        title: 'Speed (+ and −)',
        onchange: () => this.playhead?.setSpeed(Number(this.speed.value)),
      },
      SPEEDS.map((s) => el('option', { value: String(s) }, `${s}×`)),
    );
    this.node = el(
      'div',
      { class: 'transport', role: 'region', 'aria-label': 'Playback', hidden: true },
      el('div', { class: 'buttons' }, this.back, this.pause, this.forward, this.live),
      this.slider,
      el('div', { class: 'readout' }, this.time, this.index),
      this.speed,
    );
    this.shown = null;
  }

  /** Moves another playhead, or none. */
  attach(playhead) {
    this.playhead = playhead;
    this.node.hidden = !playhead;
    document.body.classList.toggle('has-transport', Boolean(playhead));
    this.shown = null;
  }

  #scrub() {
    const { playhead } = this;
    if (!playhead) return;
    playhead.seek(playhead.start + (Number(this.slider.value) / 10000) * (playhead.end - playhead.start));
  }

  render() {
    const { playhead } = this;
    if (!playhead) return;
    const moving = playhead.mode !== 'paused';
    if (this.shown !== playhead.mode) {
      this.shown = playhead.mode;
      const label = moving ? 'Pause (space)' : 'Play (space)';
      setAttribute(this.pause, 'aria-label', label);
      setAttribute(this.pause, 'title', label);
      this.pause.replaceChildren(icon(moving ? 'pause' : 'play'));
      toggle(this.live, 'on', playhead.mode === 'live');
      setAttribute(this.live, 'aria-pressed', String(playhead.mode === 'live'));
      this.live.lastChild.data = playhead.live ? 'live' : 'end';
      setAttribute(this.live, 'title', playhead.live ? 'Follow the newest (L)' : 'To the end (L)');
    }
    const { start, end, t } = playhead;
    const share = end > start ? (t - start) / (end - start) : 1;
    const value = String(Math.round(Math.max(0, Math.min(1, share)) * 10000));
    if (this.slider.value !== value && (document.activeElement !== this.slider || moving)) this.slider.value = value;
    if (value !== this.share) this.slider.style.setProperty('--at', `${(Number(value) / 100).toFixed(2)}%`);
    this.share = value;
    setText(this.time, `${format.moment(t)} s`);
    setAttribute(this.slider, 'aria-valuetext', `${format.moment(t)} seconds`);
    const { at, track } = playhead.lanes[0];
    setText(this.index, `event ${format.count(track.number(at))} of ${format.count(track.number(track.length))}`);
    if (this.speed.value !== String(playhead.speed)) this.speed.value = String(playhead.speed);
  }
}

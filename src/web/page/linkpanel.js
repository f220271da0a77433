// The link: sliders for what it does to packets in each direction, what it has done, and the token that changing takes.

import * as api from './api.js';
import { el, say, setAttribute, setText, toggle } from './dom.js';
import * as format from './format.js';

const percent = (values) => values.map((v) => [`${v}%`, v === 0 ? 'none' : `${v} %`]);
const times = (values) => values.map((v) => [`${v}ms`, v === 0 ? 'none' : `${v} ms`]);
const RATES = [
  'unlimited',
  '1gbit',
  '500mbit',
  '200mbit',
  '100mbit',
  '50mbit',
  '20mbit',
  '10mbit',
  '5mbit',
  '2mbit',
  '1mbit',
  '500kbit',
  '200kbit',
  '64kbit',
];

const PROPERTIES = [
  {
    key: 'loss',
    label: 'loss',
    tip: 'So many of a hundred packets never arrive.',
    steps: percent([0, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 30, 50]),
  },
  {
    key: 'delay',
    label: 'delay',
    tip: 'How long each packet travels, this way.',
    steps: times([0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]),
  },
  {
    key: 'rate',
    label: 'rate',
    tip: 'How much fits through in a second.',
    steps: RATES.map((r) => [
      r,
      r.replace(/^(\d+)(\w)bit$/, (_, n, u) => `${n} ${u === 'g' ? 'G' : u === 'm' ? 'M' : 'k'}bit/s`),
    ]),
  },
  {
    key: 'duplicate',
    label: 'duplicate',
    tip: 'So many of a hundred arrive twice.',
    steps: percent([0, 0.1, 0.5, 1, 2, 5, 10, 20]),
  },
  {
    key: 'reorder',
    label: 'reorder',
    tip: 'So many of a hundred are held back for 10 ms, and overtaken.',
    steps: percent([0, 0.1, 0.5, 1, 2, 5, 10, 20]).map(([v, w]) => [`${v}:by=10ms`, w]),
  },
  {
    key: 'corrupt',
    label: 'corrupt',
    tip: 'In so many of a hundred one bit is turned over; the checksum notices.',
    steps: percent([0, 0.1, 0.5, 1, 2, 5, 10]),
  },
];

/** The rules of a direction, however they are told. */
const rulesOf = (lane) =>
  (Array.isArray(lane?.rules) ? lane.rules.join(' ') : String(lane?.rules ?? '')).split(/[\s,]+/).filter(Boolean);

/** Which step of a slider is nearest to what a rule says. */
function stepOf({ steps }, value) {
  const exact = steps.findIndex(([v]) => v === value);
  if (exact >= 0) return exact;
  const n = parseFloat(value);
  let best = 0;
  steps.forEach(([v], i) => {
    if (Math.abs(parseFloat(v) - n) < Math.abs(parseFloat(steps[best][0]) - n)) best = i;
  });
  return best;
}

class Lane {
  constructor(key, title, changed) {
    this.key = key;
    this.controls = new Map();
    const rows = PROPERTIES.map((property) => {
      const out = el('output', { class: 'num' });
      const slider = el('input', {
        type: 'range',
        min: '0',
        max: String(property.steps.length - 1),
        step: '1',
        value: '0',
        'aria-label': `${title}: ${property.label}`,
        'data-test': `link-${key}-${property.key}`,
        oninput: () => {
          this.touched.add(property.key);
          this.#show(property);
          changed();
        },
      });
      this.controls.set(property.key, { slider, out });
      return el('label', { class: 'slider' }, el('span', { 'data-tip': property.tip }, property.label), slider, out);
    });
    this.touched = new Set();
    this.others = el('p', { class: 'quiet rules' });
    this.counts = el('dl', { class: 'link-counts', 'data-test': `link-${key}-counts` });
    this.node = el('fieldset', null, el('legend', null, title), rows, this.others, this.counts);
    for (const property of PROPERTIES) this.#show(property);
  }

  #show(property) {
    const { slider, out } = this.controls.get(property.key);
    const words = property.steps[Number(slider.value)][1];
    setText(out, words);
    setAttribute(slider, 'aria-valuetext', words);
    slider.style.setProperty('--at', `${(Number(slider.value) / (property.steps.length - 1)) * 100}%`);
  }

  /** What was changed here, as rules. */
  specs() {
    return PROPERTIES.filter(({ key }) => this.touched.has(key)).map(
      ({ key, steps }) => `${this.key}:${key}=${steps[Number(this.controls.get(key).slider.value)][0]}`,
    );
  }

  render(lane) {
    const rules = rulesOf(lane);
    const others = [];
    const values = new Map();
    for (const rule of rules) {
      const m = /^([a-z]+)=(.+)$/.exec(rule);
      if (m && this.controls.has(m[1])) values.set(m[1], m[2]);
      else others.push(rule);
    }
    for (const property of PROPERTIES) {
      if (this.touched.has(property.key)) continue;
      const value = values.get(property.key);
      const { slider } = this.controls.get(property.key);
      if (document.activeElement === slider) continue;
      slider.value = String(value === undefined ? 0 : stepOf(property, value));
      this.#show(property);
    }
    setText(this.others, rules.length ? `in force: ${rules.join(' ')}` : 'in force: nothing, the link is perfect');
    this.#counts(lane);
  }

  #counts(lane) {
    if (!lane) return;
    const packets = (key, flat) => lane[key]?.packets ?? lane[flat] ?? 0;
    const entries = [
      ['in', packets('arrived', 'packets_in')],
      ['out', packets('delivered', 'packets_out')],
      ['waiting', packets('waiting', 'packets_waiting')],
      ...Object.entries(lane.effects ?? {}),
    ];
    const key = entries.join();
    if (key === this.counted) return;
    this.counted = key;
    this.counts.replaceChildren(
      ...entries.map(([name, n]) =>
        el('div', null, el('dt', null, String(name).replaceAll('_', ' ')), el('dd', { class: 'num' }, format.count(n))),
      ),
    );
  }
}

export class LinkPanel {
  constructor(stream) {
    this.stream = stream;
    const changed = () => this.#changed();
    this.lanes = [new Lane('out', 'From the stack', changed), new Lane('in', 'To the stack', changed)];
    this.message = el('p', { class: 'message', role: 'status', 'data-test': 'link-message' });
    this.apply = el('button', { type: 'submit', class: 'primary', 'data-test': 'link-apply', disabled: true }, 'Apply');
    this.clear = el(
      'button',
      { type: 'button', 'data-test': 'link-clear', onclick: () => this.#send(['clear']) },
      'Perfect link',
    );
    this.token = new TokenField();
    this.close = el(
      'button',
      { type: 'button', class: 'icon', 'aria-label': 'Close the link panel', 'data-test': 'link-close' },
      '×',
    );
    this.form = el(
      'form',
      {
        onsubmit: (event) => {
          event.preventDefault();
          this.#send(this.lanes.flatMap((lane) => lane.specs()));
        },
      },
      this.lanes.map(({ node }) => node),
      el('div', { class: 'form-foot' }, this.apply, this.clear),
      this.message,
    );
    this.node = el(
      'aside',
      { class: 'drawer', 'aria-label': 'The link', hidden: true, 'data-test': 'link-panel' },
      el('header', null, el('h2', null, 'The link'), this.close),
      el('p', { class: 'quiet' }, 'Make the way between the two ends worse, and watch what TCP does about it.'),
      this.form,
      this.token.node,
    );
    stream.on('link', () => this.render());
  }

  get open() {
    return !this.node.hidden;
  }

  #changed() {
    this.apply.disabled = !this.lanes.some((lane) => lane.touched.size);
    setText(this.message, '');
  }

  render() {
    if (!this.open || document.hidden || !this.stream.link) return;
    const { link } = this.stream;
    this.lanes[0].render(link.out);
    this.lanes[1].render(link.in);
  }

  async #send(specs) {
    if (!specs.length) return;
    await this.token.guard(this.message, async () => {
      const said = await api.impair(specs);
      for (const lane of this.lanes) lane.touched.clear();
      this.apply.disabled = true;
      if (said?.out) this.stream.link = said;
      this.render();
      setText(this.message, 'The link is changed.');
      say('The link is changed.', 0);
    });
  }
}

/** A small field that asks for the token when something was refused, and then tries again. */
export class TokenField {
  constructor() {
    this.input = el('input', {
      type: 'password',
      autocomplete: 'off',
      'aria-label': 'Token',
      placeholder: 'token',
      'data-test': 'token',
    });
    this.node = el(
      'form',
      {
        class: 'token',
        hidden: true,
        'data-test': 'token-form',
        onsubmit: (event) => {
          event.preventDefault();
          api.setToken(this.input.value.trim());
          this.input.value = '';
          this.again?.();
        },
      },
      el('p', null, 'Changing something takes the token that “glasstcp up” has printed.'),
      el(
        'div',
        { class: 'form-foot' },
        this.input,
        el('button', { type: 'submit', 'data-test': 'token-send' }, 'Use it'),
      ),
    );
  }

  /** Does something that may be refused; what it says goes to `message`. */
  async guard(message, action) {
    toggle(message, 'bad', false);
    try {
      await action();
      this.node.hidden = true;
    } catch (error) {
      toggle(message, 'bad', true);
      setText(message, error.message);
      if (!error.needsToken) return;
      this.again = () => this.guard(message, action);
      this.node.hidden = false;
      this.input.focus({ preventScroll: true });
      this.node.scrollIntoView({ block: 'center' });
    }
  }
}

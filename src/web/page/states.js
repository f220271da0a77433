// The state diagram of RFC 9293 3.3.2: eleven states, the present one lit, the path that was taken drawn, with its causes.

import { el, setAttribute, setText, svg, toggle } from './dom.js';
import * as format from './format.js';
import { CAUSE, STATE } from './words.js';

const W = 116;
const H = 30;
const PLACES = {
  CLOSED: [280, 22],
  LISTEN: [280, 84],
  SYN_RCVD: [86, 146],
  SYN_SENT: [474, 146],
  ESTABLISHED: [280, 204],
  FIN_WAIT_1: [86, 262],
  CLOSE_WAIT: [474, 262],
  FIN_WAIT_2: [86, 332],
  CLOSING: [280, 332],
  LAST_ACK: [474, 332],
  TIME_WAIT: [280, 398],
  END: [474, 398],
};

/** The transitions of the figure: from, to, what makes them, where the words stand (dx, dy). */
const EDGES = [
  ['CLOSED', 'LISTEN', 'listen', 8, 4, 'start'],
  ['CLOSED', 'SYN_SENT', 'connect: SYN →', 16, -16, 'start'],
  ['LISTEN', 'SYN_RCVD', '→ SYN', -14, -12, 'end'],
  ['SYN_SENT', 'SYN_RCVD', '→ SYN (both at once)', 0, -7, 'middle'],
  ['SYN_SENT', 'ESTABLISHED', '→ SYN,ACK', 22, 14, 'start'],
  ['SYN_RCVD', 'ESTABLISHED', '→ ACK of SYN', -24, 14, 'end'],
  ['SYN_RCVD', 'FIN_WAIT_1', 'close', -7, 4, 'end'],
  ['ESTABLISHED', 'FIN_WAIT_1', 'close: FIN →', -24, -8, 'end'],
  ['ESTABLISHED', 'CLOSE_WAIT', '→ FIN', 24, -8, 'start'],
  ['FIN_WAIT_1', 'FIN_WAIT_2', '→ ACK of FIN', -7, 4, 'end'],
  ['FIN_WAIT_1', 'CLOSING', '→ FIN', 14, -10, 'start'],
  ['FIN_WAIT_2', 'TIME_WAIT', '→ FIN', -10, 14, 'end'],
  ['CLOSING', 'TIME_WAIT', '→ ACK of FIN', 8, 4, 'start'],
  ['CLOSE_WAIT', 'LAST_ACK', 'close: FIN →', 8, 4, 'start'],
  ['LAST_ACK', 'END', '→ ACK of FIN', 8, 4, 'start'],
  ['TIME_WAIT', 'END', '2 MSL', 0, -7, 'middle'],
];

/** Where a line from the middle of one box to that of another meets the border of the first. */
function border([x0, y0], [x1, y1], gap) {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const k = Math.min((W / 2 + gap) / Math.abs(dx || 1e-9), (H / 2 + gap) / Math.abs(dy || 1e-9));
  return [x0 + dx * k, y0 + dy * k];
}

function line(from, to) {
  const a = border(PLACES[from], PLACES[to], 1);
  const b = border(PLACES[to], PLACES[from], 5);
  return `M${a[0].toFixed(1)} ${a[1].toFixed(1)}L${b[0].toFixed(1)} ${b[1].toFixed(1)}`;
}

let ids = 0;

export class States {
  constructor() {
    ids += 1;
    this.id = `arrow${ids}`;
    this.edges = new Map();
    this.nodes = new Map();
    this.extra = svg('g');
    this.title = svg('title', null, 'State diagram');
    this.picture = svg(
      'svg',
      { viewBox: '0 0 560 420', class: 'states', role: 'img', 'aria-label': 'State diagram of the connection' },
      this.title,
      this.#defs(),
    );
    for (const [from, to, words, dx, dy, anchor] of EDGES) this.#edge(from, to, words, dx, dy, anchor);
    this.picture.append(this.extra);
    for (const name of Object.keys(PLACES)) this.#node(name);
    this.now = el('p', { class: 'state-now' });
    this.path = el('ol', { class: 'path', 'data-test': 'state-path' });
    this.node = el(
      'section',
      { class: 'card card-states', 'aria-label': 'State' },
      el('h3', null, 'State'),
      this.picture,
      this.now,
      this.path,
    );
    this.drawn = '';
  }

  #defs() {
    const head = (name) =>
      svg(
        'marker',
        {
          id: `${this.id}${name}`,
          viewBox: '0 0 8 8',
          refX: 6,
          refY: 4,
          markerWidth: 7,
          markerHeight: 7,
          orient: 'auto-start-reverse',
        },
        svg('path', { d: 'M0 0.5L7 4L0 7.5Z', class: `head${name}` }),
      );
    return svg('defs', null, head('-plain'), head('-taken'));
  }

  #edge(from, to, words, dx, dy, anchor) {
    const [a, b] = [PLACES[from], PLACES[to]];
    const path = svg(
      'path',
      { d: line(from, to), class: 'edge', 'marker-end': `url(#${this.id}-plain)` },
      svg('title', null, words),
    );
    const label = svg(
      'text',
      { x: (a[0] + b[0]) / 2 + dx, y: (a[1] + b[1]) / 2 + dy, 'text-anchor': anchor, class: 'edge-label' },
      words,
    );
    this.picture.append(path, label);
    this.edges.set(`${from}>${to}`, { path, label });
  }

  #node(name) {
    const [x, y] = PLACES[name];
    const shown = name === 'END' ? 'CLOSED' : name;
    const box = svg(
      'g',
      { class: 'state', 'data-state': name },
      svg('title', null, `${shown}: ${STATE[shown]}`),
      svg('rect', { x: x - W / 2, y: y - H / 2, width: W, height: H, rx: 9 }),
      svg('text', { x, y: y + 4.5, 'text-anchor': 'middle' }, shown.replaceAll('_', '-')),
    );
    this.picture.append(box);
    this.nodes.set(name, box);
  }

  /** Shows the path of a state of `fold.js`; `peer` is the state of the other end, if it is known. */
  render(state, peer, origin) {
    const key = `${state.state}|${peer?.state}|${state.path.length}|${state.path[0]?.t}|${state.pathGone}`;
    if (key === this.drawn) return;
    this.drawn = key;
    const over = state.path.length > 0 && state.state === 'CLOSED';
    const lit = over ? 'END' : state.state;
    const visited = new Set();
    for (const { from } of state.path) visited.add(from);
    for (const [name, box] of this.nodes) {
      toggle(box, 'lit', name === lit);
      toggle(box, 'visited', visited.has(name) && name !== lit);
      toggle(box, 'peer', peer?.state === name && name !== lit);
    }
    for (const { path, label } of this.edges.values()) {
      toggle(path, 'taken', false);
      toggle(label, 'taken', false);
      setAttribute(path, 'marker-end', `url(#${this.id}-plain)`);
    }
    this.extra.replaceChildren();
    for (const step of state.path) this.#take(step);
    this.#list(state, origin);
    setText(
      this.now,
      over ? 'It is over.' : state.state ? (STATE[state.state] ?? '') : 'Nothing is known of its state yet.',
    );
    setAttribute(
      this.picture,
      'aria-label',
      `State diagram. Now ${state.state ?? 'unknown'}${peer?.state ? `, the other end ${peer.state}` : ''}. Path: ${state.path.map((p) => p.to).join(', ') || 'none recorded'}.`,
    );
  }

  #take({ from, to, cause }) {
    const end = to === 'CLOSED' ? 'END' : to;
    const known = this.edges.get(`${from}>${end}`) ?? this.edges.get(`${from}>${to}`);
    if (known) {
      toggle(known.path, 'taken', true);
      toggle(known.label, 'taken', true);
      setAttribute(known.path, 'marker-end', `url(#${this.id}-taken)`);
      setText(known.path.firstChild, CAUSE[cause] ?? known.label.textContent);
      return;
    }
    if (!PLACES[from] || !PLACES[end]) return;
    this.extra.append(
      svg(
        'path',
        { d: line(from, end), class: 'edge taken abrupt', 'marker-end': `url(#${this.id}-taken)` },
        svg('title', null, CAUSE[cause] ?? ''),
      ),
    );
  }

  #list(state, origin) {
    const items = state.path.map(({ t, from, to, cause, guess }) =>
      el(
        'li',
        null,
        el('span', { class: 'num' }, format.moment(t - origin)),
        el('span', { class: 'path-step' }, `${from.replaceAll('_', '-')} → ${to.replaceAll('_', '-')}`),
        el('span', { class: 'why' }, `${guess ? 'seems: ' : ''}${CAUSE[cause] ?? 'not said'}`),
      ),
    );
    this.path.replaceChildren(...items);
    this.path.hidden = items.length === 0;
  }
}

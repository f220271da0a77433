// Timers that count down to the playhead's time, and the numbers of the connection in words.

import { el, setText } from './dom.js';
import * as format from './format.js';
import { inFlight } from './fold.js';
import { TIMER } from './words.js';

export class Timers {
  constructor() {
    this.list = el('ul', { class: 'timers' });
    this.none = el('p', { class: 'quiet' }, 'No timer is set.');
    this.node = el(
      'section',
      { class: 'card card-timers', 'aria-label': 'Timers' },
      el('h3', null, 'Timers'),
      this.list,
      this.none,
    );
    this.rows = new Map();
  }

  #row(name) {
    const fill = el('i');
    const left = el('span', { class: 'num' });
    const [label, tip] = TIMER[name] ?? [name, ''];
    const node = el(
      'li',
      { title: tip },
      el('span', null, label),
      left,
      el('span', { class: 'gauge', 'aria-hidden': 'true' }, fill),
    );
    return { node, fill, left };
  }

  /** Of a state at time `t` (on the track's clock). */
  render(state, t, track) {
    const due = { ...state.timers };
    // What a look has told holds until something is sent or has come.
    const told = state.looked ? state.status.timer : null;
    // A look may have taken the place of the one before it, so the time is its own.
    const at = state.status?.at_ns ?? state.statusAt;
    if (told && state.state !== 'CLOSED' && told.name in TIMER && !Object.keys(due).length)
      due[told.name] = { due: at + told.left_us * 1000, set: at, seen: true };
    const names = Object.keys(due).sort((a, b) => due[a].due - due[b].due);
    for (const [name, row] of this.rows) {
      if (due[name]) continue;
      row.node.remove();
      this.rows.delete(name);
    }
    for (const name of names) {
      let row = this.rows.get(name);
      if (!row) {
        row = this.#row(name);
        this.rows.set(name, row);
      }
      if (!row.node.isConnected) this.list.append(row.node);
      const left = due[name].due - t;
      const whole = Math.max(1, due[name].due - due[name].set);
      // Of a timer that was only looked at now and then nobody knows whether it was set anew since.
      const text = left > 0 ? format.duration(left) : due[name].seen ? 'soon' : 'due';
      // Only when it goes off is it seen that something has come meanwhile, and it is set anew.
      setText(row.left, name === 'keepalive' && left > 0 ? `≥ ${text}` : text);
      row.fill.style.transform = `scaleX(${Math.max(0, Math.min(1, left / whole)).toFixed(3)})`;
    }
    this.none.hidden = names.length > 0;
    const known = track.timed || state.looked || state.state === 'CLOSED' || state.state === null;
    const none = state.state === 'TIME_WAIT' ? 'Only that of TIME-WAIT is set.' : 'No timer is set.';
    const kind = track.captured ? 'A capture' : 'Such a recording';
    const unknown = state.status ? 'Which are set is told with each look, not with each event.' : `${kind} does not tell the timers.`;
    setText(this.none, known ? none : unknown);
  }
}

const FIGURES = [
  ['cwnd', 'cwnd', (s) => format.bytes(s.cwnd)],
  [
    'ssthresh',
    'ssthresh',
    (s) => (s.cwnd === null ? '–' : s.ssthresh === null ? 'none yet' : format.bytes(s.ssthresh)),
  ],
  ['in flight', 'in flight', (s) => format.bytes(inFlight(s))],
  ['peer’s window', 'rwnd', (s) => format.bytes(s.heardWindow)],
  ['RTT', 'RTT', (s) => format.duration(s.srtt)],
  ['RTO', 'RTO', (s) => format.duration(s.rto)],
  ['sent', null, (s) => format.bytes(s.textSent)],
  ['received', null, (s) => format.bytes(Math.max(0, s.textReceived))],
  ['sent again', 'again', (s) => format.count(s.retransmissions)],
  ['refused', null, (s) => format.count(s.refused)],
];

/** Big numbers at the top of a connection. */
export class Figures {
  constructor() {
    this.cells = FIGURES.map(([label, tip]) =>
      el('dd', { class: 'num', 'data-test': `value-${label.replace(/\W+/g, '-')}`, 'data-tip': tip ?? undefined }),
    );
    this.node = el(
      'section',
      { class: 'figures', 'aria-label': 'Numbers' },
      el(
        'dl',
        null,
        FIGURES.map(([label, tip], i) =>
          el('div', { 'data-tip': tip ?? undefined }, el('dt', null, label), this.cells[i]),
        ),
      ),
    );
  }

  render(state) {
    FIGURES.forEach(([, , f], i) => setText(this.cells[i], f(state)));
  }
}

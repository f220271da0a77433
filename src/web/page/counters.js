// The counters by reason: grouped by what they are about, with a search; those that changed are lit for a moment.

import { el, inFrame, setText, toggle } from './dom.js';
import * as format from './format.js';

const GROUPS = [
  ['packets', 'Packets and the device', /^(packets|bursts|bytes|device|timers|shard)/],
  [
    'tcp',
    'TCP',
    /^(tcp_(passive|active|retrans|segments|memory|syn|reset|out|in|dup|fast)|connections|half_open|listeners|time_wait$|conn)/,
  ],
  [
    'tcp-refused',
    'TCP: refused',
    /^(tcp_|listen_|syn_|sequence_|paws|timestamp|reset_|ack_|text_|reassembly|sack|challenge|fast_open|accept_|connection_limit|time_wait_)/,
  ],
  ['ip', 'IP', /^ip_/],
  ['icmp', 'ICMP', /^icmp_/],
  ['udp', 'UDP', /^udp_/],
  ['rest', 'Everything else', /./],
];
const BYTES = /bytes/;

export class Counters {
  constructor(stream) {
    this.stream = stream;
    this.active = false;
    this.later = inFrame(() => this.render());
    this.rows = new Map();
    this.filter = '';
    this.input = el('input', {
      type: 'search',
      class: 'wide',
      placeholder: 'Search counters',
      'aria-label': 'Search counters',
      'data-test': 'counter-search',
      spellcheck: 'false',
      oninput: () => this.#search(),
    });
    this.groups = new Map(
      GROUPS.map(([key, label]) => {
        const body = el('tbody');
        const node = el(
          'section',
          { class: 'card', hidden: true },
          el('h2', null, label),
          el(
            'table',
            { class: 'counters' },
            el(
              'thead',
              { class: 'hidden' },
              el('tr', null, el('th', { scope: 'col' }, 'counter'), el('th', { scope: 'col' }, 'value')),
            ),
            body,
          ),
        );
        return [key, { node, body }];
      }),
    );
    this.empty = el('p', { class: 'empty' }, 'Nothing was counted yet.');
    this.node = el(
      'section',
      { class: 'view view-counters', 'aria-label': 'Counters', hidden: true },
      el(
        'div',
        { class: 'list-head' },
        el('p', { class: 'summary' }, 'What was counted, by reason. No drop is anonymous.'),
        this.input,
      ),
      this.empty,
      el(
        'div',
        { class: 'counter-groups' },
        [...this.groups.values()].map(({ node }) => node),
      ),
    );
    stream.on('counters', () => this.request());
  }

  #search() {
    this.filter = this.input.value.trim().toLowerCase().replaceAll(' ', '_');
    this.render();
  }

  request() {
    if (this.active && !document.hidden) this.later();
  }

  #row(name) {
    const value = el('td', { class: 'num' });
    const more = el('span', { class: 'more num' });
    const node = el('tr', { 'data-counter': name }, el('th', { scope: 'row' }, name.replaceAll('_', ' '), more), value);
    const row = { node, value, more };
    this.rows.set(name, row);
    const { body } = this.groups.get(GROUPS.find(([, , test]) => test.test(name))[0]);
    const after = [...body.children].find((other) => other.dataset.counter > name);
    body.insertBefore(node, after ?? null);
    return row;
  }

  /** Another run of the stack may not have counted what the last one did. */
  #forget() {
    for (const [name, { node }] of this.rows) {
      if (this.stream.counters.has(name)) continue;
      node.remove();
      this.rows.delete(name);
    }
  }

  render() {
    this.#forget();
    const now = performance.now();
    let lit = false;
    for (const [name, { value, changed, by }] of this.stream.counters) {
      const row = this.rows.get(name) ?? this.#row(name);
      setText(row.value, BYTES.test(name) ? format.bytes(value) : format.count(value));
      const fresh = changed > 0 && now - changed < 1600;
      toggle(row.node, 'lit', fresh);
      setText(row.more, fresh && by > 0 && !BYTES.test(name) ? `+${format.count(by)}` : '');
      row.node.hidden = Boolean(this.filter) && !name.includes(this.filter);
      lit ||= fresh;
    }
    for (const { node, body } of this.groups.values()) node.hidden = ![...body.children].some((row) => !row.hidden);
    this.empty.hidden = this.stream.counters.size > 0;
    clearTimeout(this.timer);
    if (lit && this.active) this.timer = setTimeout(() => this.request(), 1700);
  }
}

// The list of connections as they are now: filter, order, a curve of each one's rate. Rows are drawn only while they are seen.

import { el, inFrame, say, setAttribute, setText, svg, toggle } from './dom.js';
import * as format from './format.js';
import { LIMIT, STATE_OF_SS, STATE } from './words.js';
import { Virtual } from './virtual.js';

const HEIGHT = 40;
const again = (row) => row.retransmissions ?? 0;
const age = (row, now) => (typeof row.age_us === 'number' ? row.age_us / 1e6 : now - row.since);

const COLUMNS = [
  { key: 'conn', label: '#', value: (r) => r.conn, tip: null },
  { key: 'state', label: 'state', value: (r) => r.state, text: true },
  { key: 'local', label: 'here', value: (r) => r.local, text: true },
  { key: 'remote', label: 'peer', value: (r) => r.remote, text: true },
  { key: 'rate', label: 'rate', value: (r) => r.rate, tip: 'rate' },
  { key: 'curve', label: '', value: null },
  { key: 'rtt', label: 'RTT', value: (r) => r.srtt_us ?? 0, tip: 'RTT' },
  { key: 'cwnd', label: 'cwnd', value: (r) => r.cwnd ?? 0, tip: 'cwnd' },
  { key: 'again', label: 'sent again', value: again, tip: 'again' },
  { key: 'limit', label: 'limited by', value: (r) => r.limited_by ?? '', text: true, tip: 'limited by' },
  { key: 'age', label: 'seen for', value: (r) => -r.since, tip: 'age' },
];

export class ConnList {
  /** `open(conn)` is called for the one that is chosen. */
  constructor(stream, open) {
    Object.assign(this, { stream, open });
    this.order = 'rate';
    this.down = true;
    this.filter = '';
    this.list = [];
    this.selected = null;
    this.sorted = 0;
    this.drawn = 0;
    this.active = false;
    this.later = inFrame(() => this.render());
    this.ms = 0;
    this.node = this.#build();
    stream.on('rows', () => this.#calmly());
    stream.on('own', () => this.request());
  }

  #build() {
    this.input = el('input', {
      type: 'search',
      class: 'wide',
      placeholder: 'Filter: state, port, address, text',
      'aria-label': 'Filter connections',
      'data-test': 'filter',
      spellcheck: 'false',
      oninput: () => this.#filter(),
    });
    this.summary = el('p', { class: 'summary', 'data-test': 'summary' });
    this.empty = el('div', { class: 'empty', hidden: true });
    this.heads = COLUMNS.map((c) =>
      el(
        'th',
        { scope: 'col', class: `k-${c.key}`, 'data-tip': c.tip ?? undefined },
        c.value
          ? el('button', { type: 'button', 'data-test': `sort-${c.key}`, onclick: () => this.#sortBy(c.key) }, c.label)
          : el('span', { class: 'hidden' }, 'curve of the rate'),
      ),
    );
    this.body = el('tbody');
    this.table = el(
      'table',
      { class: 'conns', 'aria-label': 'Connections' },
      el('thead', null, el('tr', null, this.heads)),
      this.body,
    );
    this.scroll = el(
      'div',
      {
        class: 'scroll conns-scroll',
        tabindex: '0',
        role: 'region',
        'aria-label': 'Connections; arrow keys choose, Enter opens',
        'data-test': 'connections',
        onkeydown: (e) => this.#key(e),
      },
      this.table,
    );
    this.rows = new Virtual({
      scroll: this.scroll,
      body: this.body,
      height: HEIGHT,
      make: (tr) => this.#make(tr),
      draw: (tr, i) => this.#draw(tr, i),
    });
    return el(
      'section',
      { class: 'view view-list', 'aria-label': 'Connections' },
      el(
        'div',
        { class: 'list-head' },
        el(
          'div',
          null,
          this.summary,
          el('p', { class: 'quiet hint' }, 'Each line is a TCP connection of this stack. Choose one to look inside.'),
        ),
        this.input,
      ),
      this.scroll,
      this.empty,
    );
  }

  #make(tr) {
    const cell = (key) => el('td', { class: `k-${key}` });
    tr.cells_ = Object.fromEntries(COLUMNS.map(({ key }) => [key, cell(key)]));
    const c = tr.cells_;
    c.dot = el('i', { class: 'dot', 'aria-hidden': 'true' });
    c.stateText = el('span');
    c.state.append(c.dot, c.stateText);
    c.link = el('a', { tabindex: '-1' });
    c.own = el('span', { class: 'tag own', hidden: true }, 'this page');
    c.small = el('small', { 'aria-hidden': 'true' });
    c.remote.append(c.link, c.own, c.small);
    c.line = svg('polyline', { fill: 'none' });
    c.curve.append(
      svg('svg', { class: 'spark', viewBox: '0 0 96 24', width: 96, height: 24, 'aria-hidden': 'true' }, c.line),
    );
    tr.append(...COLUMNS.map(({ key }) => c[key]));
    tr.addEventListener('click', (event) => {
      event.preventDefault();
      this.open(tr.conn);
    });
  }

  #draw(tr, i) {
    const row = this.list[i];
    const c = tr.cells_;
    toggle(tr, 'selected', row.conn === this.selected);
    const now = this.stream.clock;
    setText(c.age, format.duration(age(row, now) * 1e9));
    const own = this.stream.isOwn(row);
    // Numbers begin anew when the stack is started again.
    const same = tr.conn === row.conn && tr.remote === row.remote;
    if (same && tr.version === row.version && c.own.hidden === !own) return;
    c.own.hidden = !own;
    if (!same) {
      tr.conn = row.conn;
      tr.remote = row.remote;
      setAttribute(tr, 'data-conn', row.conn);
      setText(c.conn, `#${row.conn}`);
      setText(c.local, row.local ?? '');
      setText(c.link, row.remote ?? '');
      setAttribute(c.link, 'href', `#/conn/${row.conn}`);
    }
    tr.version = row.version;
    const state = STATE_OF_SS[row.state] ?? row.state ?? '';
    setText(c.stateText, state.replaceAll('_', '-'));
    setAttribute(c.state, 'title', STATE[state] ?? null);
    setAttribute(tr, 'data-state', state);
    setText(c.rate, row.rate > 0 ? format.rate(row.rate) : '–');
    setText(c.rtt, row.srtt_us ? format.duration(row.srtt_us * 1000) : '–');
    setText(c.cwnd, format.bytes(row.cwnd));
    setText(c.again, again(row) ? format.count(again(row)) : '–');
    toggle(c.again, 'hot', again(row) > 0);
    setText(
      c.small,
      [
        `to ${/:\d+$/.exec(row.local ?? '')?.[0] ?? ''}`,
        own && 'this page',
        again(row) && `${format.count(again(row))} again`,
        row.state,
        LIMIT[row.limited_by]?.[0] ?? row.limited_by,
      ]
        .filter(Boolean)
        .join(' · '),
    );
    setText(c.limit, LIMIT[row.limited_by]?.[0] ?? row.limited_by ?? '');
    this.#curve(c.line, row.history);
  }

  #curve(line, history) {
    const most = Math.max(1, ...history);
    const n = history.length;
    let points = '';
    for (let i = 0; i < n; i += 1)
      points += `${(95 - (n - 1 - i) * 3).toFixed(0)},${(22 - (history[i] / most) * 20).toFixed(1)} `;
    setAttribute(line, 'points', most > 1 ? points : '2,22 95,22');
  }

  #filter() {
    this.filter = this.input.value.trim().toLowerCase();
    this.sorted = 0;
    this.scroll.scrollTop = 0;
    this.request();
    clearTimeout(this.saying);
    this.saying = setTimeout(() => say(`${this.list.length} connections fit.`, 0), 600);
  }

  #fits(row) {
    if (!this.filter) return true;
    const state = (STATE_OF_SS[row.state] ?? row.state ?? '').toLowerCase();
    const words =
      `${row.local} ${row.remote} ${state} ${state.replaceAll('_', '-')} ${row.congestion ?? ''} ${row.limited_by ?? ''} #${row.conn} ${this.stream.isOwn(row) ? 'this page' : ''}`.toLowerCase();
    return this.filter
      .split(/\s+/)
      .every((word) =>
        /^\d{1,5}$/.test(word)
          ? row.local?.endsWith(`:${word}`) || row.remote?.endsWith(`:${word}`) || String(row.conn) === word
          : words.includes(word),
      );
  }

  #sortBy(key) {
    const column = COLUMNS.find((c) => c.key === key);
    if (this.order === key) this.down = !this.down;
    else {
      this.order = key;
      this.down = !column.text && key !== 'conn' && key !== 'age';
    }
    this.sorted = 0;
    this.request();
  }

  /** Puts them in order; rows do not jump about more often than every two seconds, nor under somebody's hand. */
  #arrange() {
    const now = performance.now();
    const held = this.scroll.matches(':hover') || this.scroll.matches(':focus-within');
    const rows = this.stream.rows;
    if (this.sorted && this.stream.updates > 4 && now - this.sorted < (held ? 6000 : 2000)) {
      const kept = this.list.map(({ conn }) => rows.get(conn)).filter((row) => row && this.#fits(row));
      const known = new Set(kept.map(({ conn }) => conn));
      for (const row of rows.values()) if (!known.has(row.conn) && this.#fits(row)) kept.push(row);
      this.list = kept;
      return;
    }
    this.sorted = now;
    const { value, text } = COLUMNS.find((c) => c.key === this.order);
    const sign = this.down ? -1 : 1;
    const compare = text
      ? (a, b) => String(value(a)).localeCompare(String(value(b)), 'en', { numeric: true })
      : (a, b) => value(a) - value(b);
    this.list = [...rows.values()]
      .filter((row) => this.#fits(row))
      .sort((a, b) => sign * compare(a, b) || a.conn - b.conn);
    COLUMNS.forEach((c, i) =>
      setAttribute(this.heads[i], 'aria-sort', c.key === this.order ? (this.down ? 'descending' : 'ascending') : null),
    );
  }

  /** What changes by itself is drawn once a second: faster nobody reads, and it would cost twice as much. */
  #calmly() {
    const wait = this.stream.updates > 4 ? 900 - (performance.now() - this.drawn) : 0;
    clearTimeout(this.timer);
    if (wait <= 0) this.request();
    else this.timer = setTimeout(() => this.request(), wait);
  }

  request() {
    if (this.active && !document.hidden) this.later();
  }

  render() {
    const started = performance.now();
    this.drawn = started;
    this.#arrange();
    const { stream } = this;
    this.rows.setCount(this.list.length);
    this.rows.render();
    setAttribute(this.table, 'aria-rowcount', this.list.length + 1);
    let sum = 0;
    for (const row of stream.rows.values()) sum += row.rate;
    const shown = stream.rows.size < stream.total ? `, the busiest ${format.count(stream.rows.size)} are listed` : '';
    const fit = this.filter ? ` · ${format.count(this.list.length)} fit` : '';
    setText(this.summary, `${format.plural(stream.total, 'connection')}${shown} · ${format.rate(sum)}${fit}`);
    this.empty.hidden = this.list.length > 0;
    this.scroll.hidden = this.list.length === 0;
    if (!this.list.length)
      setText(
        this.empty,
        this.filter
          ? 'No connection fits the filter.'
          : stream.updates
            ? `There is no connection at the moment. Open one${this.address ? `, for instance with: curl http://${this.address}/` : ''}, and it appears here.`
            : 'Waiting for the stack…',
      );
    this.ms = performance.now() - started;
    this.worst = Math.max(this.worst ?? 0, this.ms);
  }

  #key(event) {
    if (event.target.closest('button')) return;
    const at = this.list.findIndex(({ conn }) => conn === this.selected);
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / HEIGHT) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
    if (event.key === 'Enter' && at >= 0) this.open(this.selected);
    else if (event.key in moves) {
      const next = Math.max(0, Math.min(this.list.length - 1, at + moves[event.key]));
      const row = this.list[next];
      if (!row) return;
      this.selected = row.conn;
      this.rows.reveal(next);
      this.request();
      say(`${row.remote}, ${row.state}, ${format.rate(row.rate)}`, 300);
    } else return;
    event.preventDefault();
  }
}

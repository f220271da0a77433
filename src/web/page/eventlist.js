// The list of events with their reasons and filters, and the details of the one that is chosen.

import { howMany } from './columns.js';
import { el, setAttribute, setText, toggle } from './dom.js';
import * as explain from './explain.js';
import * as format from './format.js';
import { happened } from './track.js';
import { GROUPS, NAME } from './words.js';
import { Virtual } from './virtual.js';

const HEIGHT = 28;
const groupOf = (e) => NAME[e.name]?.[1] ?? 'segments';

export class EventList {
  constructor(lane, playhead, index) {
    Object.assign(this, { lane, playhead, index });
    this.groups = new Set(GROUPS.map(([key]) => key));
    this.groups.delete('timers');
    this.reason = '';
    this.text = '';
    this.found = [];
    this.seen = 0;
    this.reasons = new Map();
    this.chosen = null;
    this.node = this.#build();
    this.follow = '';
    this.current = -1;
    this.unseen = 0;
  }

  #filters() {
    this.chips = GROUPS.map(([key, label]) =>
      el(
        'button',
        {
          class: 'chip',
          type: 'button',
          'aria-pressed': String(this.groups.has(key)),
          'data-test': `filter-${key}`,
          onclick: () => this.#group(key),
        },
        label,
      ),
    );
    this.select = el(
      'select',
      {
        'aria-label': 'Reason',
        'data-test': 'filter-why',
        onchange: () =>
          this.#filter(() => {
            this.reason = this.select.value;
          }),
      },
      el('option', { value: '' }, 'any reason'),
    );
    this.input = el('input', {
      type: 'search',
      placeholder: 'text',
      'aria-label': 'Text in events',
      'data-test': 'filter-text',
      spellcheck: 'false',
      oninput: () =>
        this.#filter(() => {
          this.text = this.input.value.toLowerCase();
        }),
    });
    return el(
      'div',
      { class: 'filters' },
      el('div', { class: 'chips', role: 'group', 'aria-label': 'Kinds of events' }, this.chips),
      this.select,
      this.input,
    );
  }

  #build() {
    const filters = this.#filters();
    this.status = el('span', { class: 'quiet', 'data-test': 'event-count' });
    this.body = el('tbody');
    this.table = el(
      'table',
      { class: 'events', 'aria-label': 'Events' },
      el(
        'thead',
        null,
        el(
          'tr',
          null,
          el('th', { scope: 'col' }, 'time (s)'),
          el('th', { scope: 'col' }, 'event'),
          el('th', { scope: 'col' }, 'what'),
          el('th', { scope: 'col' }, 'why'),
        ),
      ),
      this.body,
    );
    this.scroll = el(
      'div',
      { class: 'scroll events-scroll', tabindex: '0', role: 'region', 'aria-label': 'List of events' },
      this.table,
    );
    this.rows = new Virtual({
      scroll: this.scroll,
      body: this.body,
      height: HEIGHT,
      make: (tr) => this.#make(tr),
      draw: (tr, i) => this.#draw(tr, i),
    });
    this.details = el('div', { class: 'details', 'data-test': 'details' });
    return el(
      'section',
      { class: 'card card-events', 'aria-label': 'Events' },
      el('div', { class: 'card-head' }, el('h3', null, 'What happened'), this.status),
      filters,
      el('div', { class: 'events-columns' }, this.scroll, this.details),
    );
  }

  #group(key) {
    this.#filter(() => {
      if (this.groups.has(key)) this.groups.delete(key);
      else this.groups.add(key);
      GROUPS.forEach(([name], i) => setAttribute(this.chips[i], 'aria-pressed', String(this.groups.has(name))));
    });
  }

  #filter(change) {
    change();
    this.found = [];
    this.seen = this.lane.track.dropped;
    this.follow = '';
    this.#scan();
    this.playhead.touch();
  }

  #fits(e) {
    if (!happened(e) || !this.groups.has(groupOf(e))) return false;
    if (this.reason && explain.reason(e) !== this.reason) return false;
    if (!this.text) return true;
    return `${e.name} ${explain.line(e)} ${explain.why(e)} ${explain.reason(e)} ${e.host}`
      .toLowerCase()
      .includes(this.text);
  }

  /** Looks at events that are new since the last time. */
  #scan() {
    const { track } = this.lane;
    this.seen = Math.max(this.seen, track.dropped);
    if (this.found.length && this.found[0] < track.dropped) this.found = this.found.filter((at) => at >= track.dropped);
    let reasons = false;
    for (; this.seen < track.length; this.seen += 1) {
      const e = track.event(this.seen);
      if (this.#fits(e)) this.found.push(this.seen);
      const reason = happened(e) ? explain.reason(e) : '';
      if (reason && !this.reasons.has(reason) && this.reasons.size < 200) {
        this.reasons.set(reason, explain.why(e));
        reasons = true;
      }
    }
    if (reasons) this.#options();
  }

  #options() {
    const keep = this.select.value;
    const names = [...this.reasons.keys()].sort();
    this.select.replaceChildren(
      el('option', { value: '' }, 'any reason'),
      ...names.map((name) => el('option', { value: name }, name.replaceAll('_', ' '))),
    );
    this.select.value = keep;
  }

  #make(tr) {
    tr.cells_ = [el('td', { class: 'num' }), el('td'), el('td'), el('td', { class: 'why' })];
    tr.append(...tr.cells_);
    tr.addEventListener('click', () => this.playhead.seekTo(this.index, tr.at));
    tr.tabIndex = -1;
  }

  #draw(tr, i) {
    const at = this.found[i];
    const { track, origin } = this.lane;
    const e = track.event(at);
    tr.at = at;
    if (!e) return;
    const [time, name, what, why] = tr.cells_;
    const head = this.playhead.lanes[this.index].at;
    if (tr.shown !== e) {
      tr.shown = e;
      setAttribute(tr, 'data-event', e.name);
      setText(time, format.moment(e.t - origin));
      const label = NAME[e.name]?.[0] ?? e.name;
      const peer = track.side(e) === 1;
      setText(
        name,
        e.name === 'sent' || e.name === 'received'
          ? `${(e.name === 'sent') !== peer ? '→' : '←'} ${peer ? `peer ${label}` : label}`
          : peer
            ? `peer: ${label}`
            : label,
      );
      setText(what, explain.line(e));
      setText(why, explain.why(e));
      tr.className = `g-${groupOf(e)}${peer ? ' peer' : ''}${(e.d.why && /again|retrans|rack|rto|probe|partial/.test(e.d.why)) || e.name === 'lost' ? ' hot' : ''}`;
    }
    toggle(tr, 'current', at === this.current);
    toggle(tr, 'future', at >= head);
    setAttribute(tr, 'aria-current', at === this.current ? 'true' : null);
  }

  /** Which row is the present one: of what the filters leave, the last before the playhead. Its place among them. */
  #locate() {
    this.#scan();
    const head = this.playhead.lanes[this.index].at;
    const row = howMany(this.found.length, (i) => this.found[i] < head) - 1;
    this.current = this.found[row] ?? -1;
    return row;
  }

  render() {
    const row = this.#locate();
    const follow = `${this.playhead.lanes[this.index].at}:${this.found.length}:${this.found[0]}`;
    setAttribute(this.table, 'aria-rowcount', String(this.found.length + 1));
    if (follow !== this.follow) {
      this.follow = follow;
      this.rows.setCount(this.found.length);
      this.rows.render();
      if (!this.scroll.matches(':hover') || this.playhead.mode !== 'paused') this.rows.reveal(Math.max(0, row));
      this.rows.render();
      setText(
        this.status,
        `${format.count(this.found.length)} of ${format.count(this.lane.track.number(this.lane.track.length))}${this.lane.track.dropped ? `; the oldest ${format.count(this.lane.track.dropped)} are dropped` : ''}${this.lane.track.gone ? `; ${format.count(this.lane.track.gone)} before them were not recorded` : ''}`,
      );
    }
  }

  /** How many events between the present row and the playhead are hidden because something else was asked for. */
  #hidden() {
    if (!this.text && !this.reason) return 0;
    const { track } = this.lane;
    const head = this.playhead.lanes[this.index].at;
    return track.number(head) - track.number(Math.max(this.current + 1, track.dropped));
  }

  /** The details of the present row. */
  detail() {
    const { track, origin } = this.lane;
    this.#locate();
    const e = track.event(this.current);
    const hidden = this.playhead.mode === 'paused' ? this.#hidden() : 0;
    if (e === this.chosen && hidden === this.unseen) return;
    if (this.playhead.mode !== 'paused' && performance.now() - (this.detailAt ?? 0) < 300) return;
    this.detailAt = performance.now();
    this.chosen = e;
    this.unseen = hidden;
    const events = format.plural(hidden, 'event');
    if (!e) {
      const text = hidden
        ? `The filters hide all that has happened up to here: ${events}.`
        : 'Nothing has happened yet. Step on with →.';
      this.details.replaceChildren(el('p', { class: 'quiet' }, text));
      return;
    }
    const told = explain.explain(e, origin);
    this.details.replaceChildren(
      el(
        'p',
        { class: 'num quiet' },
        `${format.moment(e.t - origin)} s · event ${format.count(track.number(this.current + 1))}${track.side(e) === 1 ? ' · at the other end' : ''}`,
      ),
      ...(hidden
        ? [el('p', { class: 'quiet' }, `The filters hide ${events} between this one and the moment that is shown.`)]
        : []),
      el('h4', { 'data-test': 'detail-title' }, told.title),
      el('p', null, told.text),
      el('p', { class: 'num more' }, told.more ?? ''),
      el(
        'dl',
        null,
        told.fields.map(([label, value, meaning]) =>
          el(
            'div',
            null,
            el('dt', null, label),
            el('dd', { class: 'num' }, value),
            el('dd', { class: 'quiet' }, meaning),
          ),
        ),
      ),
    );
  }
}

// One connection as of the playhead: header, numbers, sequence bar, strips, state diagram, timers, ladder, events.

import { el, setAttribute, setText, toggle } from './dom.js';
import { EventList } from './eventlist.js';
import { Ladder } from './ladder.js';
import { PLOTS } from './plots.js';
import { SequenceBar, numbers } from './seqbar.js';
import { States } from './states.js';
import { Figures, Timers } from './timers.js';
import { Strip } from './chart.js';
import { watch } from './watch.js';
import { LIMIT, PHASE, STATE } from './words.js';

const REPAIRS = ['fast_recovery', 'reducing', 'rto_recovery'];
const RECOVERY = {
  disorder: 'Something seems to be missing; it waits to be sure.',
  recovery: 'It repairs what was lost.',
  loss: 'It repairs what was lost, after a silence.',
  reducing: 'It becomes slower, for a mark of congestion.',
};

/**
 * What it waits for at this moment, in plain words. That it is held back is told when that begins; where there is room again
 * since, for as much as a segment, it is not any more.
 */
export function waitsFor(state, track) {
  const { recovery } = state;
  if (state.state === null) return 'Nothing is known yet.';
  if (state.state === 'CLOSED' && state.path.length) return 'The connection is over.';
  if (!['ESTABLISHED', 'CLOSE_WAIT', 'FIN_WAIT_1', 'CLOSING', 'LAST_ACK'].includes(state.state))
    return STATE[state.state] ?? '';
  if (RECOVERY[recovery]) return RECOVERY[recovery];
  if (state.lost.length) return RECOVERY.recovery;
  if (state.limitedBy && LIMIT[state.limitedBy]) {
    const windowed = ['cwnd', 'rwnd'].includes(LIMIT[state.limitedBy][2]);
    if (windowed && numbers(state).usable >= (state.mss ?? 1448)) return 'It sends.';
    if (LIMIT[state.limitedBy][2] === 'app' && track.receives) return 'It receives; it has nothing to send itself.';
    return LIMIT[state.limitedBy][1];
  }
  return track.guessed ? 'Packets do not say what limits it.' : 'It sends.';
}

export class ConnView {
  /** `actions`: buttons and fields that stand in its header. */
  constructor({ lane, playhead, index, view, scale, onZoom, actions = [], own = false }) {
    Object.assign(this, { lane, playhead, index });
    this.state = el('span', { class: 'chip-state', 'data-test': 'state' });
    this.control = el('span', { class: 'tag', 'data-test': 'congestion' });
    this.phase = el('span', { class: 'tag', 'data-test': 'phase' });
    this.limit = el('p', { class: 'now', 'data-test': 'limited-by' });
    this.local = el('span', { class: 'num' });
    this.remote = el('span', { class: 'num' });
    this.title = el('p', { class: 'over' }, lane.track.title);
    const guessed = lane.track.guessed
      ? el('span', { class: 'tag', title: 'Packets do not say why they were sent' }, 'guessed')
      : null;
    this.head = el(
      'header',
      { class: 'conn-head' },
      el(
        'div',
        null,
        this.title,
        el('h2', null, this.local, el('span', { class: 'to', 'aria-label': 'with' }, '⇄'), this.remote),
        el(
          'div',
          { class: 'tags' },
          this.state,
          this.control,
          this.phase,
          own ? el('span', { class: 'tag own', 'data-test': 'own' }, 'this page') : null,
          guessed,
        ),
        this.limit,
      ),
      el('div', { class: 'actions' }, actions),
    );
    this.figures = new Figures();
    this.bar = new SequenceBar(lane.track.receives, playhead);
    this.strips = PLOTS.map((plot) => new Strip({ plot, lane, view, playhead, scale, onZoom }));
    this.states = new States();
    this.timers = new Timers();
    this.ladder = new Ladder(lane, playhead, index);
    this.events = new EventList(lane, playhead, index);
    this.list = watch(this.events.node, (now) => playhead.touch(now));
    this.zoom = el('div', { class: 'zoom' });
    this.node = el(
      'article',
      { class: 'conn', 'data-test': 'connection', 'aria-label': `Connection ${lane.track.title}` },
      this.head,
      this.figures.node,
      el('div', { class: 'columns' }, this.bar.node, this.timers.node),
      el(
        'div',
        { class: 'columns' },
        el(
          'section',
          { class: 'card card-strips', 'aria-label': 'Plots over time' },
          this.zoom,
          this.strips.map((s) => s.node),
        ),
        el('div', { class: 'side' }, this.states.node, this.ladder.node),
      ),
      this.events.node,
    );
    if (playhead.lanes.length > 1) this.#distinguish(lane.track.title);
  }

  /** Of two, each part says to a screen reader whose it is. */
  #distinguish(title) {
    for (const part of this.node.querySelectorAll('section[aria-label], [role="region"]')) {
      setAttribute(part, 'aria-label', `${part.getAttribute('aria-label')} (${title})`);
    }
  }

  /** Something more that is shown below, and rendered with the rest. */
  add(part) {
    this.more = part;
    this.node.append(part.node);
  }

  /** `brief`: the numbers are left as they are; nobody reads them faster. */
  render(brief) {
    const { track, origin } = this.lane;
    const [mine, peer] = track.states(this.playhead.lanes[this.index].at);
    setText(this.local, track.end.local ?? '?');
    setText(this.remote, track.end.remote ?? '?');
    setText(this.state, (mine.state ?? 'unknown').replaceAll('_', '-'));
    setAttribute(this.state, 'title', STATE[mine.state] ?? null);
    toggle(this.state, 'quiet', mine.state === 'CLOSED' || mine.state === null);
    this.#control(mine);
    setText(this.limit, waitsFor(mine, track));
    this.states.render(mine, track.peer ? peer : null, origin);
    if (!brief) {
      this.figures.render(mine);
      this.timers.render(mine, this.playhead.t + origin, track);
      this.more?.render();
    }
    this.bar.render(mine);
    for (const strip of this.strips) strip.render();
    this.ladder.render();
    if (this.list.seen || this.playhead.mode === 'paused') this.events.detail();
    if (this.list.seen) this.events.render();
  }

  /** Congestion control and its phase. Events do not name it; but only BBR paces, and its phases are others. */
  #control({ congestion, paces, phase }) {
    const paced = congestion === null && paces;
    this.#tag(this.control, paced ? 'BBR' : congestion, paced ? 'It is not named, but nothing else here paces.' : null);
    const [label, meaning] = ((paced || congestion === 'bbr') && !REPAIRS.includes(phase) ? null : PHASE[phase]) ?? [];
    this.#tag(this.phase, label, meaning);
  }

  #tag(node, text, title) {
    node.hidden = !text;
    if (text) setText(node, text);
    setAttribute(node, 'title', title ?? null);
  }
}

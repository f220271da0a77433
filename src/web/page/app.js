// The page as a whole: which view is shown, keys, the banner, and what happens when files are opened.

import * as api from './api.js';
import { Bench } from './bench.js';
import { ConnList } from './connlist.js';
import { Counters } from './counters.js';
import { el, hideTip, say, setAttribute, setText, watchTips } from './dom.js';
import * as format from './format.js';
import { Help } from './help.js';
import { LinkPanel, TokenField } from './linkpanel.js';
import { Payload } from './payload.js';
import { trackOf } from './recording.js';
import { Shelf } from './shelf.js';
import { Stream } from './stream.js';
import * as theme from './theme.js';
import { Transport } from './transport.js';
import { GLOSSARY } from './words.js';

const $ = (id) => document.getElementById(id);

const NO_MORE = 'This connection is no more.';

class App {
  constructor() {
    theme.begin();
    api.takeToken();
    watchTips(GLOSSARY);
    this.stream = new Stream();
    this.transport = new Transport();
    this.bench = new Bench(this.transport);
    this.list = new ConnList(this.stream, (conn) => this.go(`#/conn/${conn}`));
    this.counters = new Counters(this.stream);
    this.link = new LinkPanel(this.stream);
    this.shelf = new Shelf({
      opened: (recordings) => this.#opened(recordings),
      busy: () => this.go('#/file'),
      open: (connection) => this.openRecorded([connection]),
    });
    this.help = new Help();
    this.benchView = el(
      'section',
      { class: 'view view-bench', 'aria-label': 'One connection', hidden: true },
      this.bench.node,
    );
    $('main').append(this.list.node, this.counters.node, this.shelf.node, this.benchView);
    $('shell').append(this.link.node);
    document.body.append(this.transport.node);
    this.#listen();
    this.stream.on('record', () => this.bench.request());
    this.stream.on('packet', (packet) => this.payload?.put(packet));
    this.stream.on('payload', ({ refused }) => {
      this.payload?.refuse(refused);
      this.bench.request();
    });
    this.stream.on('status', () => this.#status());
    this.stream.on('connection', () => this.#banner());
    this.stream.on('restart', () => this.#restarted());
    theme.onTheme(() => this.#redraw());
    this.#begin();
  }

  async #begin() {
    this.route();
    await this.#learn();
  }

  /** Asks who is behind the page. */
  async #learn() {
    this.info = null;
    try {
      const info = await api.info();
      this.#info(info);
      if (info.recordings?.length) await this.#exhibit(info.recordings);
      else if (this.shown === 'conn') this.#showPayload();
    } catch {
      // It says so itself when the stack cannot be reached.
    }
  }

  /** Another stack answers, or the same has been started again: the page begins anew. */
  #restarted() {
    say('The stack was started again.', 0);
    this.#learn();
    if (this.shown === 'conn') this.go('#/');
    else this.#redraw();
  }

  /** There is no stack behind the page, but recordings that are to be shown. */
  async #exhibit(names) {
    this.stream.stop();
    document.body.classList.add('exhibit');
    setText($('pulse-text'), 'recordings');
    const fetched = names.map(async (name) => {
      const reply = await fetch(`recording/${encodeURIComponent(name)}`);
      return new File([await reply.arrayBuffer()], name);
    });
    await this.shelf.read(await Promise.all(fetched));
  }

  #listen() {
    window.addEventListener('hashchange', () => this.route());
    window.addEventListener('resize', () => this.#redraw());
    document.addEventListener('keydown', (event) => this.#key(event));
    document.addEventListener('visibilitychange', () => this.#redraw());
    document.addEventListener(
      'scroll',
      () => {
        hideTip();
        this.bench.request();
      },
      { passive: true },
    );
    $('theme').addEventListener('click', theme.toggleTheme);
    $('help').addEventListener('click', () => this.help.toggle());
    $('open').addEventListener('click', () => this.shelf.input.click());
    $('link').addEventListener('click', () => this.#drawer());
    this.link.close.addEventListener('click', () => this.#drawer(false));
  }

  #redraw() {
    if (document.hidden) return;
    this.list.request();
    this.counters.request();
    this.link.render();
    this.bench.request({ now: true });
  }

  #info(info) {
    setText(
      $('version'),
      [info.version && `glasstcp ${info.version}`, ...(info.addresses ?? [])].filter(Boolean).join(' · '),
    );
    this.info = info;
    if (info.own) this.stream.addOwn(info.own);
    [this.list.address] = info.addresses ?? [];
    this.list.request();
  }

  #drawer(open = !this.link.open) {
    this.link.node.hidden = !open;
    setAttribute($('link'), 'aria-expanded', String(open));
    document.body.classList.toggle('has-drawer', open);
    this.link.render();
    if (open) this.link.close.focus();
    else $('link').focus();
    this.bench.request({ now: true });
  }

  #banner() {
    const lost = this.stream.connected === false;
    $('banner').hidden = !lost;
    const why = this.stream.refused ? 'Too many pages are open: close one.' : 'Connection lost, trying again.';
    setText($('banner'), lost ? `${why} What you see is what was known last.` : '');
    setAttribute($('pulse'), 'data-on', String(this.stream.connected === true));
    setText($('pulse-text'), this.stream.connected ? 'live' : 'offline');
    if (lost) say(why, 0);
  }

  go(hash) {
    if (location.hash === hash) this.route();
    else location.hash = hash;
  }

  /** Which view the address names; it is shown, without what is in it. */
  #place() {
    const [, view = '', id] = location.hash.split('/');
    const names = { '': 'list', conn: 'bench', recording: 'bench', counters: 'counters', file: 'shelf' };
    // Where there are only recordings there is no connection.
    const unknown = view === 'conn' && (this.stream.off || !/^\d{1,10}$/.test(id ?? ''));
    const name =
      view === 'recording' && !this.recorded ? 'shelf' : unknown || !Object.hasOwn(names, view) ? 'list' : names[view];
    const views = { list: this.list.node, bench: this.benchView, counters: this.counters.node, shelf: this.shelf.node };
    for (const [key, node] of Object.entries(views)) node.hidden = key !== name;
    this.list.active = name === 'list';
    this.counters.active = name === 'counters';
    for (const link of document.querySelectorAll('nav a'))
      setAttribute(
        link,
        'aria-current',
        link.dataset.view === name || (name === 'bench' && link.dataset.view === (view === 'conn' ? 'list' : 'shelf'))
          ? 'page'
          : null,
      );
    return { view, conn: name === 'bench' && view === 'conn' ? Number(id) : null };
  }

  /** Shows what the address says. */
  route() {
    hideTip();
    api.takeToken();
    const { view, conn } = this.#place();
    this.payload = null;
    this.stream.open(conn, this.stream.rows.get(conn));
    if (conn !== null) this.#openLive(conn);
    else if (view === 'recording' && this.recorded) this.#showRecorded();
    else this.bench.close();
    this.shown = view;
    window.scrollTo(0, 0);
    this.#redraw();
    document.title = conn !== null ? `#${conn} · glasstcp` : 'glasstcp';
  }

  #openLive(conn) {
    const { stream } = this;
    const { track } = stream;
    const row = stream.rows.get(conn);
    this.killed = el('p', { class: 'message', role: 'status', 'data-test': 'kill-message' });
    this.token = new TokenField();
    this.killButton = this.#kill(track);
    const actions = [this.killButton, this.killed, this.token.node];
    const mine = stream.isOwn(row);
    this.bench.show([{ track, origin: stream.now() ?? 0, own: mine, actions }], {
      live: true,
      // The time of a connection that is over stands still.
      now: () => (stream.closed || track.heads[0].state === 'CLOSED' ? null : stream.now()),
    });
    this.#showPayload();
  }

  /** Where it may be shown what connections carry, the one that is looked at gets a place for that. */
  #showPayload() {
    const [view] = this.bench.views;
    if (!this.info?.payload || !view || view.more) return;
    this.payload = new Payload(this.stream, view.lane, view.playhead);
    view.add(this.payload);
  }

  #status() {
    if (this.stream.closed && this.killed) {
      setText(this.killed, NO_MORE);
      this.killButton.disabled = true;
    } else if (this.killed?.textContent === NO_MORE) {
      setText(this.killed, '');
      this.killButton.disabled = false;
    }
    this.bench.request();
  }

  #kill(track) {
    const button = el('button', { type: 'button', class: 'danger', 'data-test': 'kill' }, 'Kill');
    let sure = null;
    button.addEventListener('click', () => {
      if (!sure) {
        setText(button, 'Really kill it?');
        sure = setTimeout(() => {
          sure = null;
          setText(button, 'Kill');
        }, 4000);
        return;
      }
      clearTimeout(sure);
      sure = null;
      setText(button, 'Kill');
      this.token.guard(this.killed, async () => {
        await api.kill(track.end.local, track.end.remote);
        setText(this.killed, 'It was killed: the peer gets a reset.');
      });
    });
    return button;
  }

  #opened(recordings) {
    if (recordings.length === 0) return this.go('#/file');
    if (recordings.length >= 2) return this.openRecorded([recordings[0].list[0], recordings[1].list[0]]);
    if (recordings[0].list.length === 1) return this.openRecorded([recordings[0].list[0]]);
    return this.go('#/file');
  }

  /** Shows one connection of a recording, or two beside each other. `turned`: from the other end. */
  async openRecorded(connections, turned = connections.map(() => false)) {
    const lanes = [];
    const same = connections.every(({ recording }) => recording === connections[0].recording);
    for (const [i, connection] of connections.entries()) {
      const track = await trackOf(connection, turned[i], (n) =>
        this.shelf.status.replaceChildren(`Preparing ${format.count(n)} events`),
      );
      lanes.push({ track, origin: connection.recording.t0 });
    }
    if (same && lanes.length === 1) lanes[0].origin = connections[0].t0;
    else if (!same)
      lanes.forEach((lane) => {
        lane.origin = lane.track.first;
      });
    this.shelf.status.replaceChildren();
    this.recorded = { connections, turned, lanes };
    this.go('#/recording');
  }

  #showRecorded() {
    const { connections, turned, lanes } = this.recorded;
    lanes.forEach((lane, i) => {
      lane.actions = [this.#turn(connections, turned, i), this.#beside(connections, turned, i)];
    });
    this.bench.show(lanes);
  }

  #turn(connections, turned, i) {
    if (connections[i].ends.length < 2) return null;
    return el(
      'button',
      {
        type: 'button',
        'data-test': 'turn',
        onclick: () =>
          this.openRecorded(
            connections,
            turned.map((t, k) => (k === i ? !t : t)),
          ),
      },
      'See the other end',
    );
  }

  /** A field to choose what stands beside it, or in its place. */
  #beside(connections, turned, i) {
    if (i > 0)
      return el(
        'button',
        {
          type: 'button',
          'data-test': 'compare-close',
          onclick: () => this.openRecorded([connections[0]], [turned[0]]),
        },
        'Close this side',
      );
    const all = this.shelf.connections();
    const name = (c) => `${c.recording.name} · ${c.title}`;
    const select = el(
      'select',
      {
        'aria-label': 'Show another connection beside it',
        'data-test': 'compare',
        onchange: () => {
          const chosen = all[Number(select.value)];
          if (chosen) this.openRecorded([connections[0], chosen], [turned[0], false]);
        },
      },
      el('option', { value: '' }, 'Beside it…'),
      all.map((c, k) => (c === connections[0] ? null : el('option', { value: String(k) }, name(c)))),
    );
    return all.length > 1 ? select : null;
  }

  #key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    const typing = target.matches?.('input:not([type=range]), select, textarea') || this.help.dialog.open;
    if (event.key === 'Escape' && !this.help.dialog.open) return this.#escape(target, typing);
    if (typing) return undefined;
    const { playhead } = this.bench;
    const onButton = target.matches?.('button, a');
    const keys = {
      '?': () => this.help.toggle(),
      t: theme.toggleTheme,
      T: theme.toggleTheme,
      i: () => this.#drawer(),
      I: () => this.#drawer(),
      o: () => this.shelf.input.click(),
      O: () => this.shelf.input.click(),
      '/': () => this.#search(),
    };
    if (playhead) {
      const sliding = target.matches?.('[type=range]');
      Object.assign(keys, {
        '+': () => playhead.faster(1),
        '=': () => playhead.faster(1),
        '-': () => playhead.faster(-1),
        l: () => playhead.goLive(),
        L: () => playhead.goLive(),
      });
      if (!onButton) keys[' '] = () => playhead.toggle();
      if (!sliding || target === this.transport.slider)
        Object.assign(keys, { ArrowLeft: () => playhead.step(-1), ArrowRight: () => playhead.step(1) });
    }
    if (!Object.hasOwn(keys, event.key)) return undefined;
    event.preventDefault();
    return keys[event.key]();
  }

  #escape(target, typing) {
    if (typing) target.blur();
    else if (this.link.open) this.#drawer(false);
    else if (this.shown === 'conn') this.go('#/');
    else if (this.shown === 'recording') this.go('#/file');
  }

  #search() {
    const field = this.bench.playhead
      ? this.bench.views[0].events.input
      : this.counters.active
        ? this.counters.input
        : this.list.input;
    field.focus();
    field.scrollIntoView({ block: 'nearest' });
  }
}

window.glass = new App();

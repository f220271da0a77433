// The recordings that were opened here: files with their connections. Nothing of them leaves the browser.

import { el, setText } from './dom.js';
import * as format from './format.js';
import { load } from './files.js';

const RECORDINGS_MOST = 12;
const ROWS_MOST = 300;

export class Shelf {
  /** `busy()` is called when reading takes a while, `opened(recordings)` with what was read, `open(connection)` when somebody chooses. */
  constructor({ busy, opened, open }) {
    this.busy = busy;
    this.recordings = [];
    this.openOne = open;
    this.opened = opened;
    this.input = el('input', {
      type: 'file',
      multiple: true,
      class: 'hidden',
      id: 'file',
      'data-test': 'file',
      tabindex: '-1',
      'aria-label': 'Open a file of events or a capture',
      onchange: () => {
        this.read([...this.input.files]);
        this.input.value = '';
      },
    });
    this.status = el('p', { class: 'message', role: 'status', 'data-test': 'file-message' });
    this.lists = el('div', { class: 'recordings' });
    this.node = el(
      'section',
      { class: 'view view-shelf', 'aria-label': 'Recordings', hidden: true },
      el(
        'div',
        { class: 'drop-hint' },
        el('h2', null, 'Replay a recording'),
        el(
          'p',
          null,
          'Drop a file anywhere on this page: events (',
          el('code', null, 'glasstcp up --events'),
          ', ',
          el('code', null, 'glasstcp events --json'),
          ', ',
          el('code', null, 'glasstcp sim --out'),
          ') or a capture (pcap, pcapng), also of other stacks. It stays in your browser.',
        ),
        el('p', null, 'Drop two at once, and they are shown side by side on one clock.'),
        el(
          'button',
          { type: 'button', class: 'primary', 'data-test': 'choose-file', onclick: () => this.input.click() },
          'Choose a file',
        ),
      ),
      this.status,
      this.lists,
      this.input,
    );
    this.#listen();
  }

  #listen() {
    const veil = el(
      'div',
      { class: 'veil', hidden: true, 'aria-hidden': 'true' },
      el('p', null, 'Drop it: events, pcap or pcapng'),
    );
    document.body.append(veil);
    const files = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
    let depth = 0;
    document.addEventListener('dragenter', (event) => {
      if (!files(event)) return;
      depth += 1;
      veil.hidden = false;
    });
    document.addEventListener('dragleave', () => {
      depth = Math.max(0, depth - 1);
      veil.hidden = depth === 0;
    });
    document.addEventListener('dragover', (event) => files(event) && event.preventDefault());
    document.addEventListener('drop', (event) => {
      depth = 0;
      veil.hidden = true;
      if (!files(event)) return;
      event.preventDefault();
      this.read([...event.dataTransfer.files]);
    });
  }

  /** Reads files, one after the other. */
  async read(files) {
    const fresh = [];
    const bad = [];
    const slow = setTimeout(this.busy, 400);
    for (const file of files.slice(0, RECORDINGS_MOST)) {
      try {
        const recording = await load(file, (share) => this.#say(`Reading ${file.name}: ${Math.round(share * 100)} %`));
        fresh.push(recording);
      } catch (error) {
        bad.push(error instanceof RangeError ? `${file.name} is too large for this browser.` : error.message);
      }
    }
    clearTimeout(slow);
    this.recordings.unshift(...fresh);
    if (this.recordings.length > RECORDINGS_MOST) this.recordings.length = RECORDINGS_MOST;
    this.#say(bad.join(' '), bad.length > 0);
    this.render();
    // Where one could not be read, that is told beside those that could.
    this.opened(bad.length ? [] : fresh);
  }

  #say(text, bad = false) {
    setText(this.status, text);
    this.status.classList.toggle('bad', bad);
  }

  /** All connections of all files, for choosing what stands beside another. */
  connections() {
    return this.recordings.flatMap(({ list }) => list.slice(0, ROWS_MOST));
  }

  render() {
    this.lists.replaceChildren(...this.recordings.map((recording) => this.#card(recording)));
  }

  #card(recording) {
    const { list } = recording;
    const shown = list.slice(0, ROWS_MOST);
    const head = ['connection', 'ends', 'text', 'sent again', 'took', 'events'].map((label) =>
      el('th', { scope: 'col' }, label),
    );
    const rows = shown.map((c) =>
      el(
        'tr',
        {
          onclick: (event) => {
            event.preventDefault();
            this.openOne(c);
          },
        },
        el('td', null, el('a', { href: '#/recording', 'data-test': 'open-recorded' }, c.title)),
        el('td', { class: 'num' }, `${c.ends[0].local ?? '?'} ⇄ ${c.ends[0].remote ?? '?'}`),
        el('td', { class: 'num' }, format.bytes(c.text)),
        el('td', { class: 'num' }, c.again ? format.count(c.again) : '–'),
        el('td', { class: 'num' }, format.duration(c.t1 - c.t0)),
        el('td', { class: 'num' }, format.count(c.events)),
      ),
    );
    const notes = [...recording.notes];
    if (list.length > ROWS_MOST)
      notes.push(`The ${ROWS_MOST} with most text of ${format.count(list.length)} connections are listed.`);
    return el(
      'section',
      { class: 'card', 'aria-label': recording.name },
      el(
        'div',
        { class: 'card-head' },
        el('h3', null, recording.name),
        el(
          'span',
          { class: 'quiet' },
          `${format.plural(list.length, 'connection')}, ${format.plural(recording.count, 'event')}`,
        ),
      ),
      notes.map((note) => el('p', { class: 'quiet' }, note)),
      el(
        'div',
        { class: 'scroll' },
        el('table', { class: 'recorded' }, el('thead', null, el('tr', null, head)), el('tbody', null, rows)),
      ),
    );
  }
}

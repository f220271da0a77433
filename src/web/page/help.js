// The help: keys, and the words of TCP that the page uses.

import { el } from './dom.js';
import { GLOSSARY } from './words.js';

const KEYS = [
  ['space', 'pause, and on again'],
  ['← →', 'one event back, one on'],
  ['+ −', 'faster, slower'],
  ['L', 'to the newest'],
  ['/', 'to the filter'],
  ['Esc', 'back to the list'],
  ['I', 'the link and its impairments'],
  ['O', 'open a file'],
  ['T', 'dark or light'],
  ['?', 'this help'],
];

export class Help {
  constructor() {
    this.dialog = el(
      'dialog',
      { class: 'help', 'aria-label': 'Help', 'data-test': 'help' },
      el(
        'form',
        { method: 'dialog' },
        el(
          'header',
          null,
          el('h2', null, 'Reading this page'),
          el('button', { class: 'icon', 'aria-label': 'Close' }, '×'),
        ),
        el(
          'p',
          null,
          'TCP carries bytes reliably over a network that loses, delays and reorders packets. Each end numbers its bytes, the other acknowledges them, and what is not acknowledged is sent again. Everything here is what this stack really did, with its own reason for it.',
        ),
        el('h3', null, 'Keys'),
        el(
          'dl',
          { class: 'keys' },
          KEYS.map(([key, what]) => el('div', null, el('dt', null, el('kbd', null, key)), el('dd', null, what))),
        ),
        el('h3', null, 'Words'),
        el(
          'dl',
          { class: 'words' },
          Object.entries(GLOSSARY).map(([word, what]) => el('div', null, el('dt', null, word), el('dd', null, what))),
        ),
      ),
    );
    document.body.append(this.dialog);
  }

  toggle() {
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }
}

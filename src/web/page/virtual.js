// A table body that has only the rows one can see: thousands of rows cost as much as thirty.

import { el, inFrame, setAttribute } from './dom.js';

export class Virtual {
  /**
   * `scroll`: the element that scrolls; `body`: the tbody; `height`: of a row, in px;
   * `make(tr)` fills a new row, `draw(tr, index)` shows an item in it.
   */
  constructor({ scroll, body, height, make, draw }) {
    Object.assign(this, { scroll, body, height, make, draw });
    this.count = 0;
    this.pool = [];
    const spacer = () => {
      const cell = el('td');
      return { row: el('tr', { class: 'spacer', 'aria-hidden': 'true' }, cell), cell, px: -1 };
    };
    this.above = spacer();
    this.below = spacer();
    body.append(this.above.row, this.below.row);
    scroll.addEventListener(
      'scroll',
      inFrame(() => this.render()),
      { passive: true },
    );
  }

  setCount(count) {
    this.count = count;
  }

  #space(spacer, px) {
    if (spacer.px === px) return;
    spacer.px = px;
    spacer.cell.style.height = `${px}px`;
    spacer.row.hidden = px === 0;
  }

  /** Which rows can be seen: `[first, last)`. */
  visible() {
    const { scrollTop, clientHeight } = this.scroll;
    const first = Math.max(0, Math.floor(scrollTop / this.height) - 4);
    const last = Math.min(this.count, Math.ceil((scrollTop + clientHeight) / this.height) + 4);
    return [Math.min(first, last), last];
  }

  render() {
    const [first, last] = this.visible();
    const rows = last - first;
    while (this.pool.length < rows) {
      const tr = el('tr');
      this.make(tr);
      this.pool.push(tr);
    }
    this.#space(this.above, first * this.height);
    this.#space(this.below, (this.count - last) * this.height);
    for (let i = 0; i < this.pool.length; i += 1) {
      const tr = this.pool[i];
      if (i >= rows) {
        if (tr.isConnected) tr.remove();
        continue;
      }
      if (!tr.isConnected) this.body.insertBefore(tr, this.below.row);
      setAttribute(tr, 'aria-rowindex', first + i + 2);
      this.draw(tr, first + i);
    }
  }

  /** Scrolls so that a row can be seen. */
  reveal(index, { center = false } = {}) {
    const top = index * this.height;
    const { scrollTop, clientHeight } = this.scroll;
    if (center) this.scroll.scrollTop = Math.max(0, top - clientHeight / 2);
    else if (top < scrollTop) this.scroll.scrollTop = top;
    else if (top + this.height * 2.4 > scrollTop + clientHeight)
      this.scroll.scrollTop = top + this.height * 2.4 - clientHeight;
  }
}

// Legends of plots: a small mark as it is drawn, and its name. Colour is never alone: each mark has its own shape or dash.

import { el, svg } from './dom.js';

const MARKS = {
  line: () => [svg('path', { d: 'M1 7H17' })],
  dash: () => [svg('path', { d: 'M1 7H17', 'stroke-dasharray': '4 3' })],
  dots: () => [svg('path', { d: 'M2 7H17', 'stroke-dasharray': '1 3' })],
  bar: () => [svg('path', { d: 'M9 2V12' })],
  area: () => [svg('rect', { x: 1, y: 3, width: 16, height: 8, class: 'fill' })],
  box: () => [svg('rect', { x: 1, y: 2.5, width: 16, height: 9 })],
  dashbox: () => [svg('rect', { x: 1, y: 2.5, width: 16, height: 9, 'stroke-dasharray': '3 2' })],
  hatch: () => [
    svg('rect', { x: 1, y: 3, width: 16, height: 8 }),
    svg('path', { d: 'M3 11L8 3M8 11L13 3M13 11L17 5' }),
  ],
  ring: () => [svg('circle', { cx: 9, cy: 7, r: 2.5, class: 'fill' })],
  circle: () => [svg('circle', { cx: 9, cy: 7, r: 4, class: 'fill' })],
  triangle: () => [svg('path', { d: 'M9 2L14 11H4Z', class: 'fill' })],
  square: () => [svg('rect', { x: 5, y: 3, width: 8, height: 8, class: 'fill' })],
  diamond: () => [svg('path', { d: 'M9 1L14 7L9 13L4 7Z', class: 'fill' })],
  cross: () => [svg('path', { d: 'M5 3L13 11M13 3L5 11' })],
};

/** The mark alone. */
export function mark(kind, colour) {
  return svg(
    'svg',
    { class: `mark c-${colour}`, viewBox: '0 0 18 14', width: 18, height: 14, 'aria-hidden': 'true' },
    ...MARKS[kind](),
  );
}

/** `[[mark, colour, label, tip], ...]`; each may be pointed at. */
export function legend(entries) {
  return el(
    'ul',
    { class: 'legend' },
    entries.map(([kind, colour, label, tip]) => el('li', { 'data-tip': tip ?? undefined }, mark(kind, colour), label)),
  );
}

// Small helpers for the DOM. Text goes in as text only, never as HTML.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'class') node.setAttribute('class', value);
    else if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

/** An element: `el('button', {class: 'x', onclick: f}, 'text', child)`. */
export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** The same in SVG. */
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** Sets the text of a node if it is another one. */
export function setText(node, text) {
  const s = String(text);
  if (node.firstChild?.nodeType === 3 && !node.firstChild.nextSibling) {
    if (node.firstChild.data !== s) node.firstChild.data = s;
  } else if (node.textContent !== s) {
    node.textContent = s;
  }
}

export function setAttribute(node, name, value) {
  if (value === null) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

export const toggle = (node, name, on) => node.classList.toggle(name, Boolean(on));

/** A function that has `f` called in the next frame, once however often it is called before. */
export function inFrame(f) {
  let wanted = false;
  return () => {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(() => {
      wanted = false;
      f();
    });
  };
}

/** So long a picture that moves has said the same at least, in milliseconds. */
const DESCRIBED_LEAST = 3000;
const described = new WeakMap();

/** Has a picture say to a screen reader what it shows; while it moves only every few seconds, as nobody hears it faster. */
export function describe(node, moves, text) {
  const known = described.get(node) ?? { at: -Infinity, timer: null };
  described.set(node, known);
  known.text = text;
  const wait = moves ? known.at + DESCRIBED_LEAST - performance.now() : 0;
  if (wait <= 0) saysNow(node, known);
  else known.timer ??= setTimeout(() => saysNow(node, known), wait);
}

function saysNow(node, known) {
  clearTimeout(known.timer);
  known.timer = null;
  known.at = performance.now();
  setAttribute(node, 'aria-label', known.text());
}

let tip = null;

/** One tooltip for the whole page, at a place of the window. `content`: lines; the first is the title. */
export function showTip(content, x, y) {
  tip ??= document.body.appendChild(el('div', { class: 'tip', role: 'tooltip', id: 'tip' }));
  tip.replaceChildren(...content.filter(Boolean).map((line, i) => el(i ? 'p' : 'strong', null, line)));
  tip.hidden = false;
  const { offsetWidth: w, offsetHeight: h } = tip;
  const left = Math.min(Math.max(8, x + 14), window.innerWidth - w - 8);
  const top = y + h + 24 > window.innerHeight ? Math.max(8, y - h - 12) : y + 18;
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

export function hideTip() {
  if (tip) tip.hidden = true;
}

/** Shows what `data-tip` says of an element that is pointed at or has the focus. */
export function watchTips(words) {
  const find = (event) => event.target.closest?.('[data-tip]');
  const show = (node) => {
    const key = node.dataset.tip;
    const text = words[key];
    const box = node.getBoundingClientRect();
    showTip(text ? [key, text] : [key], box.left - 14, box.bottom - 10);
  };
  document.addEventListener('pointerover', (event) => {
    const node = find(event);
    if (node) show(node);
  });
  document.addEventListener('pointerout', (event) => find(event) && hideTip());
  document.addEventListener('focusin', (event) => {
    const node = find(event);
    if (node && node.matches(':focus-visible')) show(node);
  });
  document.addEventListener('focusout', hideTip);
}

let polite = null;
let saidAt = 0;

/** Tells a screen reader something, at most once every few seconds. */
export function say(text, least = 4000) {
  polite ??= document.getElementById('polite');
  const now = performance.now();
  if (now - saidAt < least || !polite || polite.textContent === text) return;
  saidAt = now;
  polite.textContent = text;
}

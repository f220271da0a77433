// Dark or light: as the system has it, or as was chosen here. Plots take their colours from the style sheet.

const KEY = 'glasstcp-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set();
let colours = null;

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** The theme now: `dark` or `light`. */
export const current = () => document.documentElement.dataset.theme ?? (dark.matches ? 'dark' : 'light');

function changed() {
  colours = null;
  for (const f of listeners) f();
}

export function begin() {
  const kept = stored();
  if (kept === 'dark' || kept === 'light') document.documentElement.dataset.theme = kept;
  dark.addEventListener('change', changed);
}

export function toggleTheme() {
  const next = current() === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // It holds until the page is left.
  }
  changed();
}

export const onTheme = (f) => listeners.add(f);

const NAMES = [
  'bg',
  'panel',
  'line',
  'grid',
  'text',
  'muted',
  'accent',
  'accent-soft',
  'again',
  'sack',
  'ack',
  'edge',
  'good',
  'band',
  'font',
];

/** The colours of the style sheet by name, for canvases. */
export function palette() {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    colours = {};
    for (const name of NAMES) colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
  return colours;
}

const reduced = matchMedia('(prefers-reduced-motion: reduce)');

/** Whether things should move less. */
export const still = () => reduced.matches;

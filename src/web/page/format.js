// Numbers for people: bytes, rates, times. Pure functions.

const group = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** 1234567 -> "1,234,567". */
export const count = (n) => group.format(n ?? 0);

function scaled(value, step, units, sep = ' ') {
  let unit = 0;
  let v = value;
  while (Math.abs(v) >= step * 0.9995 && unit < units.length - 1) {
    v /= step;
    unit += 1;
  }
  const digits = unit === 0 || Math.abs(v) >= 99.95 ? 0 : Math.abs(v) >= 9.995 ? 1 : 2;
  return v.toFixed(digits) + sep + units[unit];
}

/** Bytes: 14480 -> "14.5 kB". */
export const bytes = (n) => (n === null || n === undefined ? '–' : scaled(n, 1000, ['B', 'kB', 'MB', 'GB', 'TB']));

/** Bytes a second as bits: 125000 -> "1.00 Mbit/s". */
export const rate = (n) =>
  n === null || n === undefined ? '–' : scaled(n * 8, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);

/** A duration in ns: 1378000 -> "1.38 ms". */
export function duration(ns) {
  if (ns === null || ns === undefined || !Number.isFinite(ns)) return '–';
  const a = Math.abs(ns);
  if (a < 1e3) return `${Math.round(ns)} ns`;
  if (a < 9.995e5) return `${(ns / 1e3).toFixed(a < 1e4 ? 1 : 0)} µs`;
  if (a < 9.995e8) return `${(ns / 1e6).toFixed(a < 9.995e6 ? 2 : a < 9.995e7 ? 1 : 0)} ms`;
  if (a < 6e10) return `${(ns / 1e9).toFixed(a < 9.995e9 ? 2 : 1)} s`;
  const s = Math.round(ns / 1e9);
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** A moment since a beginning, in seconds with six digits: "12.345678". */
export const moment = (ns) => (ns / 1e9).toFixed(6);

/** A moment for the axis of a plot whose ticks are `step` ns apart, in seconds or milliseconds. */
export function tick(ns, step) {
  if (step >= 1e9) return `${Math.round(ns / 1e9)} s`;
  if (step >= 1e6)
    return step >= 1e8
      ? `${(ns / 1e9).toFixed(1)} s`
      : step >= 1e7
        ? `${(ns / 1e9).toFixed(2)} s`
        : `${(ns / 1e9).toFixed(3)} s`;
  if (step >= 1e3) return `${(ns / 1e6).toFixed(3)} ms`;
  return `${(ns / 1e3).toFixed(3)} µs`;
}

/** "1 segment", "2 segments". */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

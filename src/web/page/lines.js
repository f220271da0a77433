// Lines of JSON as docs/events.md has them, made events of the page: {t, host, conn, name, d}, with checked numbers.
// What is not understood is counted and skipped; nothing of it is trusted to have the right shape.

const strings = new Map();

/** The same string again and again is kept once. */
export function intern(s) {
  const known = strings.get(s);
  if (known !== undefined) return known;
  if (strings.size > 20000) strings.clear();
  strings.set(s, s);
  return s;
}

const text = (v) => (typeof v === 'string' ? intern(v.slice(0, 200)) : undefined);
const number = (v) => (typeof v === 'number' && Number.isFinite(v) ? v : undefined);
const amount = (v) => (typeof v === 'number' && v >= 0 && v < 2 ** 40 ? v : 0);

function sack(v) {
  if (!Array.isArray(v)) return undefined;
  return v.slice(0, 8).filter((b) => Array.isArray(b) && number(b[0]) !== undefined && number(b[1]) !== undefined);
}

function segment(data) {
  const seq = number(data.seq_relative);
  if (seq === undefined) return null;
  const d = {
    flags: text(data.flags) ?? 'none',
    seq: number(data.seq),
    seq_relative: seq,
    len: amount(data.len),
    window: amount(data.window),
  };
  if (data.ack_relative !== undefined) {
    d.ack = number(data.ack);
    d.ack_relative = number(data.ack_relative);
  }
  if (data.state !== undefined) d.state = text(data.state);
  if (data.why !== undefined) d.why = text(data.why);
  if (data.count !== undefined) d.count = number(data.count);
  if (data.packets !== undefined) d.packets = number(data.packets);
  if (data.ecn !== undefined) d.ecn = text(data.ecn);
  if (data.sack_relative !== undefined) d.sack_relative = sack(data.sack_relative);
  if (data.reason !== undefined) d.reason = text(data.reason);
  return d;
}

const NEEDS = {
  congestion_window: ['cwnd'],
  lost: ['start_relative', 'len'],
  rtt_sample: ['rtt_ns'],
  timer_armed: ['due_ns'],
  app_read: ['len'],
  app_wrote: ['len'],
};
Object.setPrototypeOf(NEEDS, null);

function plain(name, data) {
  const d = {};
  let fields = 0;
  for (const key in data) {
    const v = data[key];
    if (fields > 24 || key === 'local' || key === 'remote') continue;
    fields += 1;
    if (typeof v === 'number') d[key] = v;
    else if (typeof v === 'string') d[key] = text(v);
  }
  for (const key of NEEDS[name] ?? []) if (number(d[key]) === undefined) return null;
  return d;
}

/** What one line says: the event, and the ends where it names them; null if it is none. */
export function event(line) {
  let raw;
  try {
    raw = JSON.parse(line);
  } catch {
    return null;
  }
  if (raw === null || typeof raw !== 'object' || typeof raw.name !== 'string') return null;
  const data = raw.data && typeof raw.data === 'object' ? raw.data : {};
  const name = intern(raw.name.slice(0, 60));
  const t = number(raw.time_ns);
  if (t === undefined && name !== 'events_lost') return null;
  let d;
  if (name === 'sent' || name === 'received') d = segment(data);
  else if (name === 'refused') d = segment(data) ?? plain(name, data);
  else d = plain(name, data);
  if (!d) return null;
  return {
    e: { t: t ?? 0, host: text(raw.host) ?? '', conn: number(raw.conn) ?? 0, name, d },
    local: text(data.local),
    remote: text(data.remote),
  };
}

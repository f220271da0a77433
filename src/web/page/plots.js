// The four strips of a connection: time and sequence (as tcptrace draws it), windows, round trips, throughput.

import { drawCross, drawMark, pattern, range, span, stepArea, stepLine } from './draw.js';
import { bytesBefore } from './fold.js';
import * as format from './format.js';
import { LIMIT_NAMES, WHY_NAMES } from './track.js';
import { AGAIN, GLOSSARY, LIMIT, WHY } from './words.js';

const last = (columns, name) => (columns.length ? columns[name][columns.length - 1] : null);
/** For axes: without zeros at the end. */
const short = (text) => text.replace(/(\.\d*?)0+ /, '$1 ').replace('. ', ' ');
const headroom = (high) => (high > 0 ? high * 1.12 : 1);

/** Which columns show the direction that has the text: `[segments, acks, sacks]`. */
const direction = ({ track }) =>
  track.receives
    ? [track.series.rx, track.series.oack, track.series.osack]
    : [track.series.seg, track.series.ack, track.series.sack];

const isAgain = (track, seg, i) => seg.why !== undefined && WHY_NAMES[seg.why[i]] in AGAIN;

/** The segment that is nearest to a point, if one is near. */
function nearest(frame, seg, px, py) {
  const first = seg.upTo(frame.time(px - 7));
  const end = Math.min(seg.length, seg.upTo(frame.time(px + 7)));
  let best = null;
  let distance = 12;
  for (let i = first; i < end; i += 1) {
    const y0 = frame.y(seg.b[i]);
    const y1 = frame.y(seg.a[i]);
    const dy = py < y0 ? y0 - py : py > y1 ? py - y1 : 0;
    const d = Math.hypot(frame.x(seg.t[i]) - px, dy) - (isAgain(null, seg, i) ? 4 : 0);
    if (d < distance) {
      distance = d;
      best = i;
    }
  }
  return best;
}

export const sequence = {
  key: 'sequence',
  title: 'Every byte over time',
  height: 300,
  unit: (v) => short(format.bytes(v)),
  legend: [
    [
      'bar',
      'accent',
      'segment',
      'Each upright line is a segment: from its first byte to its last, at the moment it was sent.',
    ],
    [
      'triangle',
      'again',
      'again: missing',
      'Sent again because later segments, or duplicate acknowledgments, show that it is missing.',
    ],
    ['square', 'again', 'again: timeout', 'Sent again because the retransmission timer went off.'],
    ['diamond', 'again', 'probe', 'Sent again to find out whether the end was lost.'],
    [
      'circle',
      'again',
      'again: other',
      'Sent again for another reason: it was too large for the path, it was in the SYN, it follows what was repaired (Tahoe); or packets do not say why.',
    ],
    ['cross', 'again', 'lost', 'From here on TCP believes that it was lost.'],
    ['bar', 'sack', 'SACK', 'The peer reports that it has this, although something before it is missing.'],
    ['line', 'ack', 'acked', 'The peer has everything below this line.'],
    ['dash', 'edge', 'window', 'The peer has room up to this line.'],
  ],
  extent(lane, from, to) {
    const [seg, ack] = direction(lane);
    const rows = [Math.max(0, range(seg, from, to)[0]), range(seg, from, to)[1]];
    const tops = span(seg, 'b', rows);
    const bottoms = span(seg, 'a', rows);
    const acks = span(ack, 'ack', range(ack, from, to));
    if (!tops && !acks) return [0, 1];
    const low = Math.min(bottoms?.[0] ?? Infinity, acks?.[0] ?? Infinity);
    const high = Math.max(tops?.[1] ?? 0, acks?.[1] ?? 0);
    return [low, low + Math.max(100, (high - low) * 1.08)];
  },
  paint(frame) {
    const { g, colours: c, x, y } = frame;
    const [seg, ack, sack] = direction(frame.lane);
    stepLine(frame, ack, 'edge', c.edge, { width: 1.25, dash: [5, 4] });
    g.strokeStyle = c.sack;
    g.lineWidth = 1.5;
    g.beginPath();
    const [s0, s1] = range(sack, frame.from, frame.to);
    uprights(frame, sack, [s0, s1], 1);
    g.stroke();
    const [first, end] = range(seg, frame.from, frame.to);
    const thin = Math.max(1, (frame.right - frame.left) / Math.max(1, end - first));
    g.strokeStyle = c.accent;
    g.lineWidth = Math.min(2, Math.max(1.25, thin));
    g.beginPath();
    uprights(frame, seg, [first, end], 1.5, (i) => !isAgain(null, seg, i));
    g.stroke();
    stepLine(frame, ack, 'ack', c.ack, { width: 1.5 });
    const { loss } = frame.series;
    const [l0, l1] = range(loss, frame.from, frame.to);
    for (let i = l0; i < l1; i += 1) drawCross(g, x(loss.t[i]), (y(loss.a[i]) + y(loss.b[i])) / 2, c.again, 3.5);
    for (let i = first; i < end; i += 1) {
      if (isAgain(null, seg, i))
        drawMark(g, AGAIN[WHY_NAMES[seg.why[i]]], x(seg.t[i]), (y(seg.a[i]) + y(seg.b[i])) / 2, c.again, c.panel);
    }
  },
  tip(frame, px, py) {
    const [seg] = direction(frame.lane);
    const i = nearest(frame, seg, px, py);
    if (i === null) return null;
    const e = frame.track.event(seg.at[i]);
    const when = `at ${format.moment(seg.t[i] - frame.lane.origin)} s, bytes ${format.count(seg.a[i])} to ${format.count(seg.b[i])}`;
    if (seg.why === undefined) return ['received', when];
    const why = WHY[WHY_NAMES[seg.why[i]]];
    return [`${e?.d.guess ? 'seems ' : ''}${why[0]}`, why[1], when];
  },
  summary({ track }) {
    const [head] = track.heads;
    return `${format.bytes(head.textSent)} sent in ${format.plural(head.segmentsSent, 'segment')}, ${format.plural(head.retransmissions, 'segment')} again, ${format.bytes(bytesBefore(head.una, head.fin))} acknowledged; ${format.bytes(head.textReceived)} received.`;
  },
};

/** An upright line for each row from `a` to `b`; those of one column of pixels that touch are one. */
function uprights({ g, x, y }, columns, [first, end], least, fits = () => true) {
  let [at, top, bottom] = [-1, 0, 0];
  const put = () => {
    const extra = Math.max(0, least - (bottom - top)) / 2;
    g.moveTo(at, top - extra);
    g.lineTo(at, bottom + extra);
  };
  for (let i = first; i < end; i += 1) {
    if (!fits(i)) continue;
    const column = Math.round(x(columns.t[i]) * 2) / 2;
    const [high, low] = [y(columns.b[i]), y(columns.a[i])];
    if (column === at && high <= bottom + 1 && low >= top - 1) {
      top = Math.min(top, high);
      bottom = Math.max(bottom, low);
      continue;
    }
    if (at >= 0) put();
    [at, top, bottom] = [column, high, low];
  }
  if (at >= 0) put();
}

export const windows = {
  key: 'windows',
  title: 'How much is under way',
  height: 188,
  unit: (v) => short(format.bytes(v)),
  legend: [
    ['line', 'accent', 'cwnd', GLOSSARY.cwnd],
    ['dash', 'muted', 'ssthresh', GLOSSARY.ssthresh],
    ['area', 'accent', 'in flight', GLOSSARY['in flight']],
  ],
  extent({ track }, from, to) {
    const { cw, flight } = track.series;
    const a = span(cw, 'cwnd', range(cw, from, to));
    const b = span(flight, 'bytes', range(flight, from, to));
    return [0, headroom(Math.max(a?.[1] ?? 0, b?.[1] ?? 0))];
  },
  paint(frame) {
    const { series, colours: c } = frame;
    stepArea(frame, series.flight, 'bytes', c['accent-soft']);
    stepLine(frame, series.cw, 'ssthresh', c.muted, { dash: [5, 4], width: 1.25 });
    stepLine(frame, series.cw, 'cwnd', c.accent, { width: 1.75 });
  },
  tip(frame, px) {
    const t = frame.time(px);
    const { cw, flight } = frame.series;
    const i = cw.upTo(t) - 1;
    const k = flight.upTo(t) - 1;
    if (i < 0 && k < 0) return null;
    const threshold = i < 0 ? null : Number.isNaN(cw.ssthresh[i]) ? 'none yet' : format.bytes(cw.ssthresh[i]);
    return [
      `${format.moment(t - frame.lane.origin)} s`,
      i >= 0 && `cwnd ${format.bytes(cw.cwnd[i])}, ssthresh ${threshold}`,
      k >= 0 && `in flight ${format.bytes(flight.bytes[k])}`,
    ];
  },
  summary({ track }) {
    const [head] = track.heads;
    return `Congestion window ${format.bytes(head.cwnd)}, threshold ${head.ssthresh === null ? 'none' : format.bytes(head.ssthresh)}, in flight ${format.bytes(last(track.series.flight, 'bytes') ?? 0)}.`;
  },
};

export const rtt = {
  key: 'rtt',
  title: 'Round trips',
  height: 150,
  unit: (v) => short(format.duration(v)),
  legend: [
    ['ring', 'muted', 'measured', 'One round trip, from a segment to its acknowledgment.'],
    ['line', 'accent', 'smoothed', GLOSSARY.RTT],
    ['dash', 'again', 'RTO', GLOSSARY.RTO],
  ],
  extent({ track }, from, to) {
    const { rtt: columns } = track.series;
    const rows = range(columns, from, to);
    const measured = Math.max(span(columns, 'rtt', rows)?.[1] ?? 0, span(columns, 'srtt', rows)?.[1] ?? 0);
    const out = span(columns, 'rto', rows)?.[1] ?? 0;
    return [0, headroom(out < measured * 3.2 ? Math.max(out, measured) : measured) || 1];
  },
  paint(frame) {
    const { g, series, colours: c, x, y } = frame;
    const columns = series.rtt;
    const [first, end] = range(columns, frame.from, frame.to);
    g.fillStyle = c.muted;
    let px = -9;
    let py = -9;
    for (let i = first; i < end; i += 1) {
      const cx = x(columns.t[i]);
      const cy = y(columns.rtt[i]);
      if (Math.abs(cx - px) + Math.abs(cy - py) < 1.2) continue;
      px = cx;
      py = cy;
      g.fillRect(cx - 1, cy - 1, 2, 2);
    }
    stepLine(frame, columns, 'rto', c.again, { dash: [5, 4], width: 1.25 });
    stepLine(frame, columns, 'srtt', c.accent, { width: 1.75, slope: true });
    const above = last(columns, 'rto');
    if (above > frame.high) {
      g.fillStyle = c.again;
      g.font = `11px ${c.font}`;
      g.textAlign = 'right';
      g.fillText(`RTO ${format.duration(above)} ↑ above`, frame.right - 4, frame.top + 6);
    }
  },
  tip(frame, px) {
    const { rtt: columns } = frame.series;
    const i = columns.upTo(frame.time(px)) - 1;
    if (i < 0) return null;
    return [
      `${format.moment(columns.t[i] - frame.lane.origin)} s`,
      `measured ${format.duration(columns.rtt[i])}, smoothed ${format.duration(columns.srtt[i])}`,
      !Number.isNaN(columns.rto[i]) && `time-out after ${format.duration(columns.rto[i])}`,
    ];
  },
  summary({ track }) {
    const [head] = track.heads;
    return head.srtt === null
      ? 'Nothing was measured yet.'
      : `Smoothed ${format.duration(head.srtt)}, least ${format.duration(head.minRtt)}, time-out ${format.duration(head.rto)}.`;
  },
};

/** How each band of "limited by" is drawn. */
export const BANDS = {
  cwnd: ['solid', 'accent'],
  rwnd: ['hatch', 'sack'],
  app: ['line', 'muted'],
  small: ['cross', 'muted'],
  pacing: ['dots', 'accent'],
  state: ['line', 'muted'],
};
const BAND = 18;

/** So long after the last event nothing may have been told yet of what happened since: a busy connection is told of twice a second. */
const UNTOLD_NS = 1e9;
/** Of a bin that is not over at least this share must be known. */
const LEAST_SHARE = 0.5;

/**
 * Bytes a second in each of `n` bins between two times, `sent` and `done` (acknowledged), as far as `until`; behind `filled` bins
 * nothing is known. What went while events are missing is spread evenly over that time.
 */
function rates(lane, from, to, n, until) {
  const width = Math.max(1, (to - from) / n);
  const sent = new Float64Array(n);
  const done = new Float64Array(n);
  const put = (sums, bytes, t0, t1) => {
    if (t1 - t0 < 1) {
      if (t1 >= from && t1 <= to) sums[Math.min(n - 1, Math.floor((t1 - from) / width))] += bytes;
      return;
    }
    const first = Math.max(0, Math.floor((t0 - from) / width));
    for (let k = first; k < n && from + k * width < t1; k += 1) {
      const inside = Math.min(t1, from + (k + 1) * width) - Math.max(t0, from + k * width);
      if (inside > 0) sums[k] += (bytes * inside) / (t1 - t0);
    }
  };
  const [seg, ack] = direction(lane);
  const rows = (columns) => [columns.upTo(from - 1), Math.min(columns.length, columns.upTo(to) + 1)];
  for (let [i, end] = rows(seg); i < end; i += 1) {
    put(sent, seg.b[i] - seg.a[i], seg.t[i], seg.t[i]);
    if (i > 0 && seg.hole[i] > 0) put(sent, seg.hole[i], seg.t[i - 1], seg.t[i]);
  }
  for (let [i, end] = rows(ack); i < end; i += 1) {
    const bytes = i > 0 ? ack.ack[i] - ack.ack[i - 1] : 0;
    if (bytes > 0) put(done, bytes, ack.torn[i] ? ack.t[i - 1] : ack.t[i], ack.t[i]);
  }
  const known = Math.min(n, Math.max(0, (until - from) / width));
  const whole = Math.floor(known);
  const share = known - whole;
  const filled = share >= LEAST_SHARE ? whole + 1 : whole;
  for (const sums of [sent, done]) {
    for (let k = 0; k < n; k += 1) sums[k] *= 1e9 / width;
    if (filled > whole) sums[whole] /= share;
  }
  return { sent, done, filled };
}

/** The last moment of which is known what moved: where nothing has come for long, nothing moved. */
function toldUntil(frame) {
  const last = frame.track.last;
  const now = frame.time(frame.until);
  return now - last < UNTOLD_NS ? Math.min(last, now) : now;
}

function bins(frame) {
  const n = Math.max(12, Math.min(160, Math.floor((frame.right - frame.left) / 6)));
  const until = toldUntil(frame);
  return { n, until, ...rates(frame.lane, frame.from, frame.to, n, until) };
}

function throughputExtent(lane, from, to) {
  const n = 100;
  const { sent, filled } = rates(lane, from, to, n, Math.min(to, lane.track.last));
  return [0, headroom(sent.subarray(0, filled).reduce((a, b) => Math.max(a, b), 0))];
}

function bands(frame) {
  const { g, series, colours: c, x, height } = frame;
  const { lim } = series;
  const top = height - 22 - BAND;
  const [first, end] = range(lim, frame.from, frame.to);
  g.font = `10px ${c.font}`;
  g.textAlign = 'left';
  let k = first;
  while (k < end) {
    const limit = LIMIT[LIMIT_NAMES[lim.by[k]]];
    let j = k + 1;
    while (j < end && LIMIT[LIMIT_NAMES[lim.by[j]]]?.[2] === limit?.[2]) j += 1;
    const x0 = Math.max(frame.left, x(lim.t[k]));
    const x1 = j < lim.length && j < end ? x(lim.t[j]) : frame.until;
    if (limit && x1 - x0 > 0.4) {
      const [kind, colour] = BANDS[limit[2]];
      pattern(g, kind, x0, top + 4, x1 - x0, BAND - 5, c[colour]);
      if (kind === 'solid') {
        g.strokeStyle = c[colour];
        g.lineWidth = 1;
        g.strokeRect(x0 + 0.5, top + 4.5, Math.max(0, x1 - x0 - 1), BAND - 6);
      }
      const w = g.measureText(limit[0]).width;
      if (x1 - x0 > w + 14) {
        g.fillStyle = c.panel;
        g.fillRect(x0 + 4, top + 4, w + 6, BAND - 5);
        g.fillStyle = c.text;
        g.fillText(limit[0], x0 + 7, top + BAND / 2 + 2);
      }
    }
    k = j;
  }
}

export const throughput = {
  key: 'throughput',
  title: 'Throughput, and what limits it',
  height: 190,
  foot: BAND,
  unit: (v) => short(format.rate(v)).replace('bit/s', 'b/s'),
  legend: [
    ['area', 'accent', 'acknowledged', 'What the peer has acknowledged, in each part of the time.'],
    ['dash', 'muted', 'sent', 'What was sent, with what was sent again.'],
    ['box', 'accent', 'cwnd', LIMIT.cwnd[1]],
    ['hatch', 'sack', 'rwnd', LIMIT.rwnd[1]],
    ['dots', 'accent', 'pacing', LIMIT.pacing[1]],
    ['line', 'muted', 'app', LIMIT.app[1]],
  ],
  extent: throughputExtent,
  paint(frame) {
    const { g, colours: c, y, bottom } = frame;
    const { n, sent, done, until, filled } = bins(frame);
    const px = (frame.right - frame.left) / n;
    // Behind the last known moment nothing is known, which is not that nothing moved.
    const stop = Math.max(frame.left, Math.min(frame.right, frame.x(until)));
    const line = (of) => {
      const rate = (i) => y(Math.min(frame.high * 1.05, of[i]));
      for (let i = 0; i < filled; i += 1) g.lineTo(Math.min(stop, frame.left + (i + 0.5) * px), rate(i));
      if (filled) g.lineTo(stop, rate(filled - 1));
    };
    g.fillStyle = c['accent-soft'];
    g.beginPath();
    g.moveTo(frame.left, bottom);
    line(done);
    g.lineTo(stop, bottom);
    g.fill();
    g.strokeStyle = c.accent;
    g.lineWidth = 1.5;
    g.beginPath();
    line(done);
    g.stroke();
    g.strokeStyle = c.muted;
    g.lineWidth = 1.25;
    g.setLineDash([4, 3]);
    g.beginPath();
    line(sent);
    g.stroke();
    g.setLineDash([]);
    bands(frame);
  },
  tip(frame, px) {
    const { n, sent, done, filled } = bins(frame);
    const i = Math.floor(((px - frame.left) / (frame.right - frame.left)) * n);
    if (i < 0 || i >= n) return null;
    const t = frame.time(px);
    const { lim } = frame.series;
    const k = lim.upTo(t) - 1;
    return [
      `${format.moment(t - frame.lane.origin)} s`,
      i < filled && `acknowledged ${format.rate(done[i])}, sent ${format.rate(sent[i])}`,
      k >= 0 && LIMIT[LIMIT_NAMES[lim.by[k]]]?.[1],
    ];
  },
  summary({ track }) {
    const [head] = track.heads;
    const time = (track.last - track.first) / 1e9;
    const moved = track.receives
      ? head.textReceived
      : bytesBefore(head.una, head.fin) - bytesBefore(head.base, head.fin);
    return time > 0 ? `${format.rate(moved / time)} in the mean.` : 'Nothing moved yet.';
  },
};

export const PLOTS = [sequence, windows, rtt, throughput];

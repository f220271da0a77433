// What plots draw with: step lines and areas of columns (thinned out to what a screen has of pixels), and marks.

/** The rows of a column between two times, and one more on either side. */
export function range(columns, from, to) {
  return [Math.max(0, columns.upTo(from) - 1), Math.min(columns.length, columns.upTo(to) + 1)];
}

/** The smallest and largest of a column in a range of rows; null if it has none. */
export function span(columns, name, [first, last]) {
  const values = columns[name];
  let low = Infinity;
  let high = -Infinity;
  for (let i = first; i < last; i += 1) {
    const v = values[i];
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low <= high ? [low, high] : null;
}

/** Calls `f(x, value)` for a step line; of many rows within one pixel only those that matter. */
function steps(frame, columns, name, f) {
  const [first, last] = range(columns, frame.from, frame.to);
  const { t } = columns;
  const values = columns[name];
  let column = -Infinity;
  let low = 0;
  let high = 0;
  let end = 0;
  const flush = () => {
    if (low !== end) f(column, low);
    if (high !== end) f(column, high);
    f(column, end);
  };
  for (let i = first; i < last; i += 1) {
    const v = values[i];
    if (Number.isNaN(v)) continue;
    const px = Math.round(frame.x(t[i]) * 2) / 2;
    if (px === column) {
      low = Math.min(low, v);
      high = Math.max(high, v);
      end = v;
      continue;
    }
    if (column !== -Infinity) flush();
    column = px;
    low = v;
    high = v;
    end = v;
  }
  if (column !== -Infinity) flush();
  return column === -Infinity ? null : end;
}

/** A line that holds each value until the next. */
export function stepLine(
  frame,
  columns,
  name,
  colour,
  { width = 1.5, dash = [], upTo = frame.until, slope = false } = {},
) {
  const { g } = frame;
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.setLineDash(dash);
  g.beginPath();
  let before = null;
  const end = steps(frame, columns, name, (x, v) => {
    const y = frame.y(v);
    if (before === null) g.moveTo(x, y);
    else {
      if (!slope) g.lineTo(x, before);
      g.lineTo(x, y);
    }
    before = y;
  });
  if (end !== null) g.lineTo(upTo, before);
  g.stroke();
  g.setLineDash([]);
}

/** The area below such a line. */
export function stepArea(frame, columns, name, colour) {
  const { g } = frame;
  g.fillStyle = colour;
  g.beginPath();
  let before = null;
  steps(frame, columns, name, (x, v) => {
    if (before === null) g.moveTo(x, frame.bottom);
    else g.lineTo(x, before);
    before = frame.y(v);
    g.lineTo(x, before);
  });
  if (before === null) return;
  g.lineTo(frame.until, before);
  g.lineTo(frame.until, frame.bottom);
  g.closePath();
  g.fill();
}

/** A filled mark of some six pixels. */
export function drawMark(g, kind, x, y, colour, halo) {
  g.fillStyle = colour;
  g.beginPath();
  if (kind === 'triangle') {
    g.moveTo(x, y - 5);
    g.lineTo(x + 4.5, y + 3.5);
    g.lineTo(x - 4.5, y + 3.5);
  } else if (kind === 'square') {
    g.rect(x - 3.5, y - 3.5, 7, 7);
  } else if (kind === 'diamond') {
    g.moveTo(x, y - 5);
    g.lineTo(x + 4.5, y);
    g.lineTo(x, y + 5);
    g.lineTo(x - 4.5, y);
  } else {
    g.arc(x, y, 3.5, 0, 7);
  }
  g.closePath();
  if (halo) {
    g.strokeStyle = halo;
    g.lineWidth = 1.5;
    g.stroke();
  }
  g.fill();
}

/** A cross: something is lost. */
export function drawCross(g, x, y, colour, r = 4) {
  g.strokeStyle = colour;
  g.lineWidth = 1.75;
  g.beginPath();
  g.moveTo(x - r, y - r);
  g.lineTo(x + r, y + r);
  g.moveTo(x + r, y - r);
  g.lineTo(x - r, y + r);
  g.stroke();
}

/** Fills a box with the pattern of a band, so that bands differ without colour, too. */
export function pattern(g, kind, x, y, w, h, colour) {
  g.save();
  g.beginPath();
  g.rect(x, y, w, h);
  g.clip();
  g.globalAlpha = 0.9;
  g.strokeStyle = colour;
  g.fillStyle = colour;
  g.lineWidth = 1.25;
  if (kind === 'solid') {
    g.globalAlpha = 0.34;
    g.fillRect(x, y, w, h);
  } else if (kind === 'dots') {
    for (let px = x - (x % 6); px < x + w; px += 6) g.fillRect(px, y + h / 2 - 1, 2, 2);
  } else if (kind === 'hatch' || kind === 'cross') {
    g.beginPath();
    for (let px = x - (x % 7) - h; px < x + w; px += 7) {
      g.moveTo(px, y + h);
      g.lineTo(px + h, y);
      if (kind === 'cross') {
        g.moveTo(px, y);
        g.lineTo(px + h, y + h);
      }
    }
    g.stroke();
  } else {
    g.globalAlpha = 0.7;
    g.fillRect(x, y + h / 2, w, 1);
  }
  g.restore();
}

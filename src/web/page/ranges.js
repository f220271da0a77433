// Sets of sequence numbers: sorted, disjoint half-open ranges [start, end). Small arrays, changed in place.

/** Adds [start, end), joining what touches it. */
export function add(set, start, end) {
  if (!(end > start)) return;
  let i = 0;
  while (i < set.length && set[i][1] < start) i += 1;
  let j = i;
  let from = start;
  let to = end;
  while (j < set.length && set[j][0] <= end) {
    from = Math.min(from, set[j][0]);
    to = Math.max(to, set[j][1]);
    j += 1;
  }
  set.splice(i, j - i, [from, to]);
}

/** Takes [start, end) away; says how much that was. */
export function remove(set, start, end) {
  let gone = 0;
  for (let i = 0; i < set.length;) {
    const [a, b] = set[i];
    if (b <= start) {
      i += 1;
      continue;
    }
    if (a >= end) break;
    gone += Math.min(b, end) - Math.max(a, start);
    const rest = [];
    if (a < start) rest.push([a, start]);
    if (b > end) rest.push([end, b]);
    set.splice(i, 1, ...rest);
    i += rest.length;
  }
  return gone;
}

/** How much is in it. */
export function size(set) {
  let sum = 0;
  for (const [a, b] of set) sum += b - a;
  return sum;
}

/** A copy that shares nothing. */
export const copy = (set) => set.map(([a, b]) => [a, b]);

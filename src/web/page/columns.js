// Columns of numbers that grow at the end and are dropped at the front: what plots are drawn from.

/** How many of `length` things `before(i)` holds for, where it holds for the first ones and no others. */
export function howMany(length, before) {
  let low = 0;
  let high = length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (before(mid)) low = mid + 1;
    else high = mid;
  }
  return low;
}

export class Columns {
  /** One column for each name; the first is the time, which never goes back. */
  constructor(...names) {
    this.names = names;
    this.length = 0;
    this.room = 256;
    for (const name of names) this[name] = new Float64Array(this.room);
  }

  push(...values) {
    if (this.length === this.room) this.#grow();
    for (let i = 0; i < values.length; i += 1) this[this.names[i]][this.length] = values[i];
    this.length += 1;
  }

  #grow() {
    this.room *= 2;
    for (const name of this.names) {
      const larger = new Float64Array(this.room);
      larger.set(this[name]);
      this[name] = larger;
    }
  }

  /** How many rows have a time up to and including `t`. */
  upTo(t) {
    const times = this[this.names[0]];
    return howMany(this.length, (i) => times[i] <= t);
  }

  /** Forgets what is older than `t`, except the last row before it, which still holds at `t`. */
  dropBefore(t) {
    const n = Math.max(0, this.upTo(t) - 1);
    if (n === 0) return;
    for (const name of this.names) this[name].copyWithin(0, n, this.length);
    this.length -= n;
  }
}

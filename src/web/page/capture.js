// Reads pcap and pcapng: each packet with its time, interface, direction and comment. Knows nothing of IP.
// Everything in the file is checked: what is damaged ends the reading with one sentence.

export class Damaged extends Error {}

const LITTLE = true;
const MAGICS = new Map([
  [0xa1b2c3d4, { little: false, unit: 1000n }],
  [0xd4c3b2a1, { little: true, unit: 1000n }],
  [0xa1b23c4d, { little: false, unit: 1n }],
  [0x4d3cb2a1, { little: true, unit: 1n }],
]);

/** Whether the first bytes are those of a capture. */
export function isCapture(head) {
  if (head.byteLength < 4) return false;
  const magic = new DataView(head).getUint32(0);
  return magic === 0x0a0d0d0a || MAGICS.has(magic);
}

/** The packets of a capture, one after the other: `{time, iface, link, data, length, comment, outbound}`, `time` in ns as BigInt. */
export function packets(buffer) {
  const magic = new DataView(buffer).getUint32(0);
  return magic === 0x0a0d0d0a ? pcapng(buffer) : pcap(buffer, MAGICS.get(magic));
}

function* pcap(buffer, { little, unit }) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 24) throw new Damaged('the file ends within its header');
  const link = view.getUint32(20, little) & 0x0fffffff;
  for (let at = 24; at < buffer.byteLength;) {
    if (at + 16 > buffer.byteLength) throw new Damaged('the file ends within a packet');
    const kept = view.getUint32(at + 8, little);
    if (kept > 0x400000) throw new Damaged(`a packet claims ${kept} bytes`);
    if (at + 16 + kept > buffer.byteLength) throw new Damaged('the file ends within a packet');
    const time = BigInt(view.getUint32(at, little)) * 1_000_000_000n + BigInt(view.getUint32(at + 4, little)) * unit;
    const length = view.getUint32(at + 12, little);
    yield { time, iface: '', link, data: new Uint8Array(buffer, at + 16, kept), length, comment: '', outbound: null };
    at += 16 + kept;
  }
}

/** The options of a block: code to bytes, of each the last; comments are joined. */
function options(buffer, view, at, end, little) {
  const found = new Map();
  while (at + 4 <= end) {
    const code = view.getUint16(at, little);
    const size = view.getUint16(at + 2, little);
    if (code === 0 || at + 4 + size > end) break;
    found.set(code, new Uint8Array(buffer, at + 4, size));
    at += 4 + ((size + 3) & ~3);
  }
  return found;
}

const utf8 = new TextDecoder();

function describe(buffer, view, at, end, little, number) {
  const opts = options(buffer, view, at + 16, end, little);
  const resolution = opts.get(9)?.[0] ?? 6;
  const power = BigInt(resolution & 0x7f);
  const perSecond = resolution & 0x80 ? 1n << power : 10n ** (power > 18n ? 18n : power);
  const name = opts.get(2) ? utf8.decode(opts.get(2)).replaceAll('\0', '').slice(0, 60) : '';
  return { link: view.getUint16(at + 8, little), perSecond, name, number };
}

function enhanced(buffer, view, at, end, little, ifaces) {
  const iface = ifaces[view.getUint32(at + 8, little)];
  if (!iface) throw new Damaged('a packet is of an interface that is not described');
  const kept = view.getUint32(at + 20, little);
  if (at + 28 + kept > end) throw new Damaged('a packet is larger than its block');
  const ticks = (BigInt(view.getUint32(at + 12, little)) << 32n) | BigInt(view.getUint32(at + 16, little));
  const opts = options(buffer, view, at + 28 + ((kept + 3) & ~3), end, little);
  const flags = opts.get(2);
  const way = flags && flags.length === 4 ? new DataView(flags.buffer, flags.byteOffset).getUint32(0, little) & 3 : 0;
  return {
    time: (ticks * 1_000_000_000n) / iface.perSecond,
    iface: iface.name,
    link: iface.link,
    data: new Uint8Array(buffer, at + 28, kept),
    length: view.getUint32(at + 24, little),
    comment: opts.get(1) ? utf8.decode(opts.get(1)).slice(0, 1000) : '',
    outbound: way === 0 ? null : way === 2,
  };
}

function* pcapng(buffer) {
  const view = new DataView(buffer);
  let little = LITTLE;
  let ifaces = [];
  for (let at = 0; at + 12 <= buffer.byteLength;) {
    const raw = view.getUint32(at, true);
    if (raw === 0x0a0d0d0a) {
      const order = view.getUint32(at + 8, true);
      if (order !== 0x1a2b3c4d && order !== 0x4d3c2b1a)
        throw new Damaged('a section does not say in which order its bytes are');
      little = order === 0x1a2b3c4d;
      ifaces = [];
    }
    const kind = view.getUint32(at, little);
    const size = view.getUint32(at + 4, little);
    if (size < 12 || size % 4) throw new Damaged(`a block claims ${size} bytes`);
    const end = at + size - 4;
    if (at + size > buffer.byteLength) throw new Damaged('the file ends within a block');
    if (kind === 1 && size >= 20) ifaces.push(describe(buffer, view, at, end, little, ifaces.length));
    else if (kind === 6 && size >= 32) yield enhanced(buffer, view, at, end, little, ifaces);
    else if (kind === 3 && size >= 16 && ifaces[0]) {
      const kept = Math.min(size - 16, view.getUint32(at + 8, little));
      yield {
        time: 0n,
        iface: ifaces[0].name,
        link: ifaces[0].link,
        data: new Uint8Array(buffer, at + 12, kept),
        length: kept,
        comment: '',
        outbound: null,
      };
    }
    at += size;
  }
}

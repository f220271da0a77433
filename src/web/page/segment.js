// TCP segments in packets: link headers, IPv4, IPv6, TCP with its options. Null for whatever is none, or is cut short.

const FLAGS = [
  [0x02, 'SYN'],
  [0x01, 'FIN'],
  [0x04, 'RST'],
  [0x08, 'PSH'],
  [0x20, 'URG'],
  [0x40, 'ECE'],
  [0x80, 'CWR'],
  [0x10, 'ACK'],
];
const names = new Map();

function flagsOf(bits) {
  let name = names.get(bits);
  if (name === undefined) {
    name =
      FLAGS.filter(([bit]) => bits & bit)
        .map(([, word]) => word)
        .join(',') || 'none';
    names.set(bits, name);
  }
  return name;
}

const word = (data, at) => (data[at] << 8) | data[at + 1];
const long = (data, at) => ((data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3]) >>> 0;

/** Where IP begins behind a header of the link, or -1. */
function network(link, data) {
  const ip = (type, at) => (type === 0x0800 || type === 0x86dd ? at : -1);
  switch (link) {
    case 101:
    case 12:
    case 14:
    case 228:
    case 229:
      return 0;
    case 0:
    case 108:
      return 4;
    case 113:
      return ip(word(data, 14), 16);
    case 276:
      return ip(word(data, 0), 20);
    case 1: {
      let at = 12;
      while ([0x8100, 0x88a8].includes(word(data, at)) && at < 24) at += 4;
      return ip(word(data, at), at + 2);
    }
    default:
      return -1;
  }
}

/** Which kinds of links can be read. */
export const readable = (link) => [101, 12, 14, 228, 229, 0, 108, 113, 276, 1].includes(link);

function six(data, at) {
  const groups = [];
  for (let i = 0; i < 16; i += 2) groups.push(word(data, at + i).toString(16));
  return `[${groups
    .join(':')
    .replace(/\b0(:0\b)+/, ':')
    .replace(/:{3,}/, '::')}]`;
}

function internet(data, at) {
  const version = data[at] >> 4;
  if (version === 4 && data.length >= at + 20) {
    const header = (data[at] & 15) * 4;
    if (header < 20 || (word(data, at + 6) & 0x1fff) !== 0) return null;
    const dots = (i) => `${data[i]}.${data[i + 1]}.${data[i + 2]}.${data[i + 3]}`;
    return {
      protocol: data[at + 9],
      source: dots(at + 12),
      target: dots(at + 16),
      at: at + header,
      total: word(data, at + 2) - header,
      ecn: data[at + 1] & 3,
      id: word(data, at + 4),
    };
  }
  if (version === 6 && data.length >= at + 40) {
    let protocol = data[at + 6];
    let next = at + 40;
    let total = word(data, at + 4);
    while ([0, 43, 60].includes(protocol) && next + 8 <= data.length) {
      const size = (data[next + 1] + 1) * 8;
      protocol = data[next];
      next += size;
      total -= size;
    }
    return {
      protocol,
      source: six(data, at + 8),
      target: six(data, at + 24),
      at: next,
      total,
      ecn: (data[at + 1] >> 4) & 3,
      id: 0,
    };
  }
  return null;
}

function tcpOptions(data, at, end, segment) {
  while (at < end) {
    const kind = data[at];
    if (kind === 0) return;
    if (kind === 1) {
      at += 1;
      continue;
    }
    const size = data[at + 1];
    if (!(size >= 2) || at + size > end) return;
    if (kind === 2 && size === 4) segment.mss = word(data, at + 2);
    if (kind === 3 && size === 3) segment.scale = Math.min(14, data[at + 2]);
    if (kind === 5) {
      segment.sack = [];
      for (let i = at + 2; i + 8 <= at + size; i += 8) segment.sack.push([long(data, i), long(data, i + 4)]);
    }
    at += size;
  }
}

/** The addresses of a packet and, if it has one, its TCP segment: `{source, target, total, tcp?}`. */
export function read({ link, data, length }) {
  const start = network(link, data);
  if (start < 0) return null;
  const ip = internet(data, start);
  if (!ip) return null;
  const packet = { source: ip.source, target: ip.target, total: length - start, tcp: null };
  const { at } = ip;
  if (ip.protocol !== 6 || data.length < at + 20) return packet;
  const header = (data[at + 12] >> 4) * 4;
  if (header < 20) return packet;
  const bits = data[at + 13];
  const whole = ip.total > 0 ? ip.total : length - at;
  const tcp = {
    from: `${ip.source}:${word(data, at)}`,
    to: `${ip.target}:${word(data, at + 2)}`,
    seq: long(data, at + 4),
    ack: long(data, at + 8),
    bits,
    flags: flagsOf(bits),
    window: word(data, at + 14),
    len: Math.max(0, whole - header),
    ecn: [undefined, 'ect1', 'ect0', 'ce'][ip.ecn],
    id: ip.id,
    mss: undefined,
    scale: undefined,
    sack: undefined,
  };
  tcpOptions(data, at + 20, Math.min(at + header, data.length), tcp);
  packet.tcp = tcp;
  return packet;
}

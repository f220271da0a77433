// Reads a file that somebody has dropped on the page: lines of events or a capture. In slices, so that the page stays alive.
// The server is told nothing of it.

import { Damaged, isCapture, packets } from './capture.js';
import { Guess } from './guess.js';
import { EVENTS_MOST, Recording } from './recording.js';
import { count, plural } from './format.js';

const BYTES_MOST = 256 * 1024 * 1024;
const SLICE_MS = 12;

const pause = () => new Promise((done) => setTimeout(done));

/** A recording of what `file` has. Throws an Error whose message is one sentence for people. */
export async function load(file, progress = () => {}) {
  if (file.size > BYTES_MOST)
    throw new Error(
      `${file.name} has ${count(file.size / 1048576)} MiB; the page takes up to 256. Cut it with “glasstcp events” or “editcap”.`,
    );
  if (file.size === 0) throw new Error(`${file.name} is empty.`);
  const head = await file.slice(0, 4).arrayBuffer();
  const magic = new Uint8Array(head);
  if (magic[0] === 0x1f && magic[1] === 0x8b) throw new Error(`${file.name} is compressed; unpack it first (gunzip).`);
  const recording = new Recording(file.name);
  if (isCapture(head)) await capture(file, recording, progress);
  else await events(file, recording, progress);
  if (recording.full) recording.notes.push(`Only the first ${count(EVENTS_MOST)} events were read.`);
  const found = recording.connections();
  if (found.length === 0)
    throw new Error(
      `${file.name} has no TCP connection that can be shown${recording.notes.length ? `: ${recording.notes[0]}` : '.'}`,
    );
  recording.list = found;
  return recording;
}

async function events(file, recording, progress) {
  const decoder = new TextDecoder();
  const reader = file.stream().getReader();
  let rest = '';
  let read = 0;
  let last = performance.now();
  for (;;) {
    const { done, value } = await reader.read();
    const text = rest + (done ? decoder.decode() : decoder.decode(value, { stream: true }));
    read += value?.byteLength ?? 0;
    let from = 0;
    for (let to = text.indexOf('\n'); to >= 0 && !recording.full; to = text.indexOf('\n', from)) {
      recording.line(text.slice(from, to).trimEnd());
      from = to + 1;
      if (performance.now() - last > SLICE_MS) {
        progress(read / file.size);
        await pause();
        last = performance.now();
      }
    }
    rest = text.slice(from);
    if (recording.full) rest = '';
    const endless = rest.length > 65536;
    if (recording.count === 0 && (endless || recording.skipped > 100)) {
      await reader.cancel();
      throw new Error(`${file.name} is neither a file of events (lines of JSON) nor a capture (pcap, pcapng).`);
    }
    if (endless) {
      recording.notes.push('A line has no end; what comes before it is shown.');
      rest = '';
    }
    if (done || endless || recording.full) break;
  }
  if (rest) recording.line(rest);
  await reader.cancel();
  if (recording.count === 0)
    throw new Error(`${file.name} is neither a file of events (lines of JSON) nor a capture (pcap, pcapng).`);
  if (recording.skipped)
    recording.notes.push(
      `${plural(recording.skipped, 'line')} could not be read and ${recording.skipped === 1 ? 'was' : 'were'} left out.`,
    );
}

async function capture(file, recording, progress) {
  const buffer = await file.arrayBuffer();
  const guess = new Guess(recording);
  let last = performance.now();
  let read = 0;
  try {
    for (const packet of packets(buffer)) {
      guess.take(packet);
      read += packet.data.length + 32;
      if (recording.full) break;
      if (performance.now() - last > SLICE_MS) {
        progress(read / file.size);
        await pause();
        last = performance.now();
      }
    }
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    recording.notes.push(`The file is damaged (${error.message}); what comes before that is shown.`);
  }
  if (guess.links.size)
    recording.notes.push(`Packets of link type ${[...guess.links].slice(0, 3).join(', ')} cannot be read here.`);
  if (guess.repeated)
    recording.notes.push(
      `${plural(guess.repeated, 'packet')} that the capture has more than once ${guess.repeated === 1 ? 'was' : 'were'} left out.`,
    );
  if (recording.kind === 'guess')
    recording.notes.push('Packets do not say why they were sent: reasons and states are guesses.');
}

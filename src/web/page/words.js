// The words of the page: what each name of docs/events.md means, said for somebody who sees TCP for the first time.
// Only tables; nothing here knows of the rest of the page.

/** Why a segment was sent: a short name, what it means, and how it is drawn. */
export const WHY = {
  handshake: ['handshake', 'Opens the connection: each end tells the other at which number it begins to count.'],
  handshake_retransmission: ['handshake again', 'Nobody answered the first SYN in time, so it is sent again.'],
  handshake_answer: [
    'handshake answered again',
    'The other end’s SYN came a second time: our answer was probably lost.',
  ],
  syn_cookie: [
    'SYN cookie',
    'The queue of half-open connections is full, so nothing is kept: all that matters is hidden in the number of this answer.',
  ],
  new_data: ['new data', 'Bytes that were never sent before.'],
  fin: ['end of the data', 'FIN: this end has nothing more to send.'],
  fast_retransmit: [
    'fast retransmit',
    'Three duplicate acknowledgments say that a segment is missing; it is sent again without waiting for the timer.',
  ],
  rack: [
    'retransmission (RACK)',
    'Something sent later has already arrived, so this one is probably lost: it is sent again.',
  ],
  tail_loss_probe: [
    'tail loss probe',
    'For two round trips nothing was heard: the last segment goes again, to find out whether the end was lost.',
  ],
  tail_loss_probe_new: [
    'tail loss probe, new data',
    'For two round trips nothing was heard: new data is sent to find out whether the end was lost.',
  ],
  partial_ack: [
    'repair (partial ACK)',
    'The acknowledgment covers only a part of what was missing, so the next hole is filled at once.',
  ],
  go_back_n: ['go back', 'It was sent after what has just been repaired, and is sent again with it (Tahoe).'],
  rto: [
    'retransmission timeout',
    'Nothing was acknowledged until the retransmission timer went off. The first missing segment goes again.',
  ],
  rto_recovery: ['repair after the timeout', 'Still repairing what the last time-out declared lost.'],
  path_mtu: ['smaller, for the path', 'It was larger than the path takes, so it goes again in smaller pieces.'],
  syn_text: ['text of the SYN again', 'It went with the SYN, and the other end has not taken it.'],
  path_mtu_probe: ['probe for larger packets', 'New data in a larger segment: does the path take those after all?'],
  zero_window_probe: ['zero-window probe', 'The other end has no room. Is that still so?'],
  keepalive: ['keepalive', 'Nothing happened for long: is anybody still there?'],
  ack_now: ['ACK, at once', 'An acknowledgment that could not wait.'],
  ack_quick: ['ACK, quick', 'It could have waited, but is sent at once: the other end has only just begun.'],
  ack_delayed: ['ACK, delayed', 'It was held back for a moment, in case more would come to be acknowledged together.'],
  window_update: ['window update', 'There is room again in the receive buffer; the other end is told.'],
  challenge: ['challenge ACK', 'Something doubtful arrived. The other end is asked to prove that it was sent by it.'],
  seems_again: ['sent again', 'Bytes that were sent before. Packets do not say why.'],
  reset: ['reset', 'RST: the connection is ended at once, or there is none.'],
};

/** Which of them send bytes again; the value is the mark in plots. */
export const AGAIN = {
  handshake_retransmission: 'square',
  handshake_answer: 'square',
  fast_retransmit: 'triangle',
  rack: 'triangle',
  tail_loss_probe: 'diamond',
  partial_ack: 'triangle',
  go_back_n: 'circle',
  rto: 'square',
  rto_recovery: 'square',
  path_mtu: 'circle',
  syn_text: 'circle',
  seems_again: 'circle',
};

/** What made a connection change its state. */
export const CAUSE = {
  connect: 'the application asks for a connection',
  syn_arrived: 'a SYN arrives',
  syn_cookie: 'a SYN cookie comes back with an acknowledgment',
  no_room: 'there is no room for another connection',
  syn_ack_arrived: 'a SYN arrives that acknowledges ours',
  syn_acked: 'our SYN is acknowledged',
  fin_arrived: 'the peer’s FIN arrives',
  fin_acked: 'our FIN is acknowledged',
  user_close: 'the application closes',
  user_abort: 'the application aborts',
  killed: 'somebody else than the application ended it',
  reset_arrived: 'the peer resets the connection',
  icmp_error: 'an ICMP error says that it cannot be opened',
  data_after_close: 'data arrives that nobody will read',
  retransmission_limit: 'too many retransmissions without an answer',
  user_timeout: 'the user timeout is over',
  keepalive_limit: 'keepalive probes are not answered',
  linger_timeout: 'the linger time is over',
  fin_wait_2_timeout: 'nothing arrived for too long after we closed',
  time_wait_over: 'twice the maximum segment lifetime is over',
  time_wait_reused: 'a new connection takes its place',
  stack_shutdown: 'the whole stack ends',
};

/** What each state means. */
export const STATE = {
  CLOSED: 'There is no connection.',
  LISTEN: 'Waits for somebody to connect.',
  SYN_SENT: 'We have asked for a connection and wait for the answer.',
  SYN_RCVD: 'The other end has asked and we have answered; it is not confirmed yet.',
  ESTABLISHED: 'Open: both ends may send.',
  FIN_WAIT_1: 'We have closed our half; the other end has not acknowledged that yet.',
  FIN_WAIT_2: 'Our half is closed and acknowledged; the other end may still send.',
  CLOSE_WAIT: 'The other end has closed its half; our application has not yet.',
  CLOSING: 'Both ends closed at the same time.',
  LAST_ACK: 'Both halves are closed; only the acknowledgment of our FIN is missing.',
  TIME_WAIT: 'All is done. It stays for a while, until no old segment can be under way any more.',
};

/** `ss` shortens names of states; events do not. */
export const STATE_OF_SS = {
  ESTAB: 'ESTABLISHED',
  'SYN-SENT': 'SYN_SENT',
  'SYN-RECV': 'SYN_RCVD',
  'SYN-RCVD': 'SYN_RCVD',
  'FIN-WAIT-1': 'FIN_WAIT_1',
  'FIN-WAIT-2': 'FIN_WAIT_2',
  'CLOSE-WAIT': 'CLOSE_WAIT',
  'LAST-ACK': 'LAST_ACK',
  'TIME-WAIT': 'TIME_WAIT',
  UNCONN: 'CLOSED',
};

/** What holds the sender back: the names of events and those of `ss`; short, a sentence, and which band it is in plots. */
export const LIMIT = {
  nothing: ['app', 'Nothing to send: it waits for the application.', 'app'],
  app: ['app', 'Nothing to send: it waits for the application.', 'app'],
  state: ['state', 'The state of the connection does not allow sending now.', 'state'],
  congestion_window: [
    'cwnd',
    'The congestion window is full: TCP waits for acknowledgments before it dares more.',
    'cwnd',
  ],
  cwnd: ['cwnd', 'The congestion window is full: TCP waits for acknowledgments before it dares more.', 'cwnd'],
  peer_window: ['rwnd', 'The peer’s window is full: it has no room for more.', 'rwnd'],
  rwnd: ['rwnd', 'The peer’s window is full: it has no room for more.', 'rwnd'],
  nagle: ['Nagle', 'Nagle’s algorithm: a small segment waits until the last one is acknowledged.', 'small'],
  cork: ['cork', 'The application asked to wait until a segment is full.', 'small'],
  silly_window: ['silly window', 'It waits until the peer’s window has opened by a worthwhile piece.', 'rwnd'],
  'silly-window': ['silly window', 'It waits until the peer’s window has opened by a worthwhile piece.', 'rwnd'],
  pacing: ['pacing', 'It is not yet time for the next burst: segments are spread over the round trip.', 'pacing'],
};

export const PHASE = {
  slow_start: ['slow start', 'The window doubles with each round trip.'],
  congestion_avoidance: ['congestion avoidance', 'The window grows carefully.'],
  fast_recovery: ['fast recovery', 'Something is lost; what is missing is repaired with a smaller window.'],
  reducing: ['reducing', 'The window is lowered although nothing is missing.'],
  rto_recovery: ['recovery after a timeout', 'After a silence it begins again with one segment.'],
};

export const TIMER = {
  retransmission: [
    'retransmission',
    'When it goes off without an acknowledgment, the first segment is sent again (RTO).',
  ],
  reordering: ['reordering', 'A segment that was overtaken may still arrive; when this is over it counts as lost.'],
  tail_loss_probe: ['tail loss probe', 'When it goes off, the last segment is sent again to see whether it was lost.'],
  pacing: ['pacing', 'When the next burst may leave.'],
  persist: ['persist', 'When the peer is asked again whether its window has opened.'],
  delayed_ack: ['delayed ACK', 'Until then an acknowledgment waits, in case it can go with something else.'],
  keepalive: ['keepalive', 'When the peer is asked whether it is still there, unless something comes before.'],
  close: ['close', 'When a closed connection is given up.'],
  time_wait: ['TIME-WAIT', 'When no old segment of it can be under way any more.'],
};

export const FOUND_BY = {
  duplicates: 'three duplicate acknowledgments',
  rack: 'something sent later has arrived (RACK)',
  timeout: 'the retransmission timer',
  path_mtu: 'it was larger than the path takes',
  syn_text: 'the answer to the SYN does not acknowledge it',
  reneged: 'the peer had it, and has thrown it away',
};

export const REDUCED_FOR = {
  loss: 'something was lost',
  tail_loss: 'a probe has repaired a loss at the tail',
  timeout: 'the retransmission timer went off',
  ecn: 'the peer reports a mark of congestion (ECN)',
  idle: 'nothing was sent for longer than a time-out',
  unused: 'the application has not needed so much',
};

export const SHOWN_BY = {
  eifel: 'an echoed timestamp is that of the original',
  dsack: 'all that was sent again has arrived twice',
  frto: 'something arrived that was sent only before the time-out',
  nothing_missing: 'all arrived before anything was sent again',
};

/** Names of events: label, and the group that filters choose. */
export const NAME = {
  sent: ['sent', 'segments'],
  received: ['received', 'segments'],
  refused: ['refused', 'trouble'],
  state_changed: ['state', 'state'],
  congestion_window: ['window', 'window'],
  lost: ['lost', 'trouble'],
  reduced: ['reduced', 'trouble'],
  undone: ['undone', 'trouble'],
  icmp_error: ['ICMP error', 'trouble'],
  path_mtu: ['path MTU', 'window'],
  rtt_sample: ['RTT', 'rtt'],
  timer_fired: ['timer fired', 'timers'],
  timer_armed: ['timer set', 'timers'],
  timer_cancelled: ['timer stopped', 'timers'],
  limited: ['limited', 'window'],
  app_read: ['app reads', 'app'],
  app_wrote: ['app writes', 'app'],
  impaired: ['link', 'trouble'],
  events_lost: ['gap', 'trouble'],
};

export const GROUPS = [
  ['segments', 'segments'],
  ['trouble', 'trouble'],
  ['state', 'states'],
  ['window', 'windows'],
  ['rtt', 'RTT'],
  ['timers', 'timers'],
  ['app', 'application'],
];

/** Short explanations that tooltips show: for words that stand on the page. */
export const GLOSSARY = {
  cwnd: 'Congestion window: how much TCP dares to have under way at once. It grows while all goes well and shrinks when something is lost.',
  ssthresh: 'Slow-start threshold: below it the congestion window doubles each round trip, above it grows carefully.',
  'in flight': 'Sent, and neither acknowledged nor believed lost: it is on its way right now.',
  rwnd: 'The peer’s window: how much room it says it has.',
  RTT: 'Round-trip time: how long until an acknowledgment comes back. The smoothed one is what TCP reckons with.',
  RTO: 'Retransmission time-out: how long TCP waits in silence before it sends again.',
  rate: 'How much the peer acknowledged, or sent, in a second.',
  again: 'Segments that were sent again.',
  MSS: 'Maximum segment size: how much text fits into one segment.',
  age: 'How long the connection has been known.',
  'limited by': 'What holds the sender back at this moment.',
  acknowledged: 'The peer has said that it has all up to here.',
  sacked: 'The peer has it, but something before it is missing (selective acknowledgment, SACK).',
  lost: 'Believed to be lost, not yet sent again.',
  usable: 'May be sent at once.',
  waiting: 'Has arrived although something before it is missing.',
  room: 'How much more may come before the receive buffer is full.',
  blocked: 'Must wait: by cwnd, for the congestion window although the peer has room; by rwnd, for room at the peer.',
};

// Names come from files and peers: "constructor" must not find anything here.
for (const table of [
  WHY,
  AGAIN,
  CAUSE,
  STATE,
  STATE_OF_SS,
  LIMIT,
  PHASE,
  TIMER,
  FOUND_BY,
  REDUCED_FOR,
  SHOWN_BY,
  NAME,
  GLOSSARY,
]) {
  Object.setPrototypeOf(table, null);
}

// What the page asks the server to change. The token comes from the address, from this session, or is asked for in a field.

const KEY = 'glasstcp-token';
/** How long an answer may take, in milliseconds. */
const PATIENCE = 8000;
let token = null;

/** Takes a token out of the address bar, so that it is neither seen nor shared. */
export function takeToken() {
  try {
    token ??= sessionStorage.getItem(KEY);
  } catch {
    // Without storage it is as it was set here.
  }
  const found = /^#token=([^&]+)$/.exec(location.hash);
  if (!found) return;
  try {
    setToken(decodeURIComponent(found[1]));
  } catch {
    // It is no token, and whoever wants to change something is asked for one.
  }
  history.replaceState(null, '', location.pathname + location.search);
}

export function setToken(value) {
  token = value || null;
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without storage it holds until the page is left.
  }
}

/** What a refused change says; `needsToken` if another token may help. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.needsToken = status === 401 || status === 403;
  }
}

async function post(path, body) {
  const headers = { 'Content-Type': 'application/json', 'X-Glass': '1' };
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    answer = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body), cache: 'no-store', signal });
  } catch {
    throw new Refused('The stack does not answer.', 0);
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok)
    throw new Refused(typeof said.error === 'string' ? said.error : `The server says ${answer.status}.`, answer.status);
  return said;
}

/** Changes the link: rules of docs/link.md. */
export const impair = (specs) => post('impair', { specs });

/** Ends a connection. */
export const kill = (local, remote) => post('kill', { local, remote });

/** What the server is. */
export async function info() {
  const answer = await fetch('info', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(`The server says ${answer.status}.`);
  return answer.json();
}

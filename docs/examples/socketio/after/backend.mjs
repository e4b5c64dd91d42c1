// The backend of the same application beside Pharos. It needs no packages: node backend.mjs
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';

const {
  PORT = '3000',
  API_URL = 'http://127.0.0.1:9001/api',
  API_KEY = 'api-key-for-development',
  TOKEN_SECRET = 'token-secret-for-development',
  HOOK_KEY = 'hook-key-for-development',
} = process.env;

const sessions = new Map([
  ['session-of-ann', 'ann'],
  ['session-of-bob', 'bob'],
]);
const members = new Map([
  ['room:lobby', ['ann', 'bob']],
  ['room:staff', ['bob']],
]);
const names = new Map();

// [login]
function token(cookie = '') {
  const user = sessions.get(/(?:^|;\s*)session=([^;]*)/.exec(cookie)?.[1]);
  if (user === undefined) return undefined;
  const claims = { sub: user, channels: [`inbox:${user}`], exp: Math.floor(Date.now() / 1_000) + 600 };
  const signed = [{ alg: 'HS256' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${signed}.${createHmac('sha256', TOKEN_SECRET).update(signed).digest('base64url')}`;
}
// [end]

// [hooks]
const hooks = {
  '/pharos/subscribe': ({ user, channel }) =>
    members.get(channel)?.includes(user) ? { result: {} } : { error: { code: 103, message: 'permission denied' } },
  '/pharos/rpc': ({ user, method, data }) => {
    if (method !== 'rename') return { error: { code: 404, message: 'no such method' } };
    if (data.name === '') return { error: { code: 400, message: 'no name' } };
    names.set(user, data.name);
    return { result: { data: { name: data.name } } };
  },
};
// [end]

// [emit]
async function call(method, params) {
  const headers = { 'Content-Type': 'application/json', 'X-API-Key': API_KEY };
  const response = await fetch(`${API_URL}/${method}`, { method: 'POST', headers, body: JSON.stringify(params) });
  const { error } = await response.json();
  if (error !== undefined) throw new Error(`${method}: ${error.code} ${error.message}`);
}

function announce({ id, room, text }) {
  return call('publish', { channel: `room:${room}`, data: { text }, idempotency_key: id });
}

function notify({ id, user, text }) {
  return call('publish', { channel: `inbox:${user}`, data: { text }, idempotency_key: id });
}

function logOut({ user }) {
  return call('disconnect', { user });
}
// [end]

async function answer({ url, headers }, body) {
  if (url === '/token') {
    const made = token(headers.cookie);
    return made === undefined ? [401, 'log in first'] : [200, made];
  }
  if (hooks[url] !== undefined) {
    // Only edges may ask.
    return headers['x-hook-key'] === HOOK_KEY ? [200, JSON.stringify(hooks[url](body))] : [403, 'forbidden'];
  }
  // What other parts of the application ask for, so that it can be tried.
  const action = { '/announce': announce, '/notify': notify, '/log-out': logOut }[url];
  if (action === undefined) return [404, 'not found'];
  await action(body);
  return [204, ''];
}

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = parts.length === 0 ? {} : JSON.parse(Buffer.concat(parts).toString());
  const [status, text] = await answer(request, body).catch((error) => [502, String(error)]);
  response.writeHead(status).end(text);
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listens at http://127.0.0.1:${server.address().port}`));

// A backend for Pharos over plain HTTP: it signs tokens, publishes, and answers what edges ask. It needs no packages.
// Node.js 22.18 and newer: node backend.ts; before that: npx tsx backend.ts
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const {
  PORT = '3000',
  API_URL = 'http://127.0.0.1:9001/api',
  API_KEY = 'api-key-for-development',
  TOKEN_SECRET = 'token-secret-for-development',
  HOOK_KEY = 'hook-key-for-development',
} = process.env;

type Json = Record<string, unknown>;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

// Your application knows who is logged in, and who may see what.
const sessions = new Map([
  ['session-of-ann', 'ann'],
  ['session-of-bob', 'bob'],
]);
const members = new Map([
  ['room:lobby', ['ann', 'bob']],
  ['room:staff', ['ann']],
  ['$vip', ['ann']],
]);

function userOf(request: IncomingMessage): string | undefined {
  const [, session = ''] = /(?:^|;\s*)session=([^;]*)/.exec(request.headers.cookie ?? '') ?? [];
  return sessions.get(session);
}

function maySee(user: unknown, channel: unknown): boolean {
  return members.get(String(channel))?.includes(String(user)) ?? false;
}

/** A JWT, signed by HS256. With `channel` it is one to subscribe with, without it one to connect with. */
function signedToken(claims: Json): string {
  const now = Math.floor(Date.now() / 1_000);
  const signed = [
    { alg: 'HS256', typ: 'JWT' },
    { ...claims, iat: now, exp: now + 600 },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${signed}.${createHmac('sha256', TOKEN_SECRET).update(signed).digest('base64url')}`;
}

/** Publishes once, however often it is tried: `id` is the key by which Pharos knows the publication again. */
async function publish(channel: unknown, data: unknown, id: unknown): Promise<Json> {
  let answer: Json = { error: { code: 100, message: 'no answer' } };
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const response = await fetch(`${API_URL}/publish`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-API-Key': API_KEY },
        body: JSON.stringify({ channel, data, idempotency_key: id }),
        signal: AbortSignal.timeout(10_000),
      });
      answer = (await response.json()) as Json;
    } catch {
      continue; // no answer: it may have been published or not
    }
    // 100 is temporary: the outcome may not be known yet.
    if ((answer['error'] as Json | undefined)?.['code'] !== 100) break;
  }
  return answer;
}

async function forBrowsers(request: IncomingMessage, url: URL): Promise<Answer> {
  const user = userOf(request);
  if (user === undefined) return { status: 401, body: 'log in first' };
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /token': {
      const channel = url.searchParams.get('channel');
      if (channel === null) return { status: 200, body: signedToken({ sub: user, info: { name: user } }) };
      if (!maySee(user, channel)) return { status: 403, body: 'not your channel' };
      return { status: 200, body: signedToken({ sub: user, channel }) };
    }
    case 'POST /messages': {
      const { id, channel, text } = await bodyOf(request);
      if (!maySee(user, channel)) return { status: 403, body: 'not your channel' };
      const answer = await publish(channel, { from: user, text }, id);
      return { status: answer['error'] === undefined ? 200 : 502, body: answer };
    }
    default:
      return { status: 404, body: 'not found' };
  }
}

async function forEdges(request: IncomingMessage, path: string): Promise<Answer> {
  // Whoever else finds these addresses is turned away.
  const [key, wanted] = [Buffer.from(String(request.headers['x-hook-key'])), Buffer.from(HOOK_KEY)];
  if (key.length !== wanted.length || !timingSafeEqual(key, wanted)) return { status: 403, body: 'forbidden' };
  const asked = await bodyOf(request);
  switch (path) {
    case '/pharos/connect': {
      const user = userOf(request);
      if (user === undefined) return { status: 200, body: { disconnect: { code: 4501, reason: 'log in first' } } };
      return { status: 200, body: { result: { user, info: { name: user } } } };
    }
    case '/pharos/subscribe':
      if (maySee(asked['user'], asked['channel'])) return { status: 200, body: { result: {} } };
      return { status: 200, body: { error: { code: 103, message: 'permission denied' } } };
    case '/pharos/rpc':
      if (asked['method'] === 'greet') {
        return { status: 200, body: { result: { data: { text: `hello ${String(asked['user'])}` } } } };
      }
      return { status: 200, body: { error: { code: 404, message: 'no such method' } } };
    default:
      return { status: 404, body: 'not found' };
  }
}

async function bodyOf(request: IncomingMessage): Promise<Json> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > 65_536) throw new RangeError('body too large');
    parts.push(part);
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8')) as Json;
}

async function answerTo(request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  try {
    return await (url.pathname.startsWith('/pharos/') ? forEdges(request, url.pathname) : forBrowsers(request, url));
  } catch {
    return { status: 400, body: 'bad request' };
  }
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, body } = await answerTo(request);
  const isText = typeof body === 'string';
  response.writeHead(status, { 'Content-Type': isText ? 'text/plain' : 'application/json' });
  response.end(isText ? body : JSON.stringify(body));
}

const server = createServer((request, response) => void serve(request, response));
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`listens at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

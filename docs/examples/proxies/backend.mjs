// node docs/examples/proxies/backend.mjs
import { createServer } from 'node:http';

const answers = {
  // Who is it that connects? Here: whoever the session cookie says.
  '/connect': (request, { cookie }) =>
    cookie?.includes('session=ann')
      ? { result: { user: 'ann', info: { name: 'Ann' }, channels: ['news'] } }
      : { disconnect: { code: 4501, reason: 'log in first' } },
  '/subscribe': ({ user, channel }) =>
    channel === `inbox-${user}` ? { result: {} } : { error: { code: 403, message: 'not your inbox' } },
  '/publish': ({ data }) =>
    typeof data.text === 'string'
      ? { result: { data: { text: data.text.trim() } } }
      : { error: { code: 400, message: 'no text' } },
  '/rpc': ({ user, method, data }) => ({ result: { data: { user, method, got: data } } }),
};

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const answer = answers[request.url]?.(JSON.parse(Buffer.concat(parts)), request.headers);
  response.writeHead(answer === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(answer ?? {}));
});
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listens at http://127.0.0.1:${server.address().port}`);
});

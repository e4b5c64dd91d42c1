import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpBackend } from '@pharos/testkit';
import { type Json, startApi } from './support/api.ts';

/** What JSON Schema the document uses, and no more: a keyword that is none of these would be passed over. */
const known = new Set(
  'type properties required additionalProperties items oneOf enum $ref description contentEncoding minimum maximum minProperties maxProperties'.split(
    ' ',
  ),
);

/** Why a value is not as the schema says; undefined where it is. */
function wrong(schema: Json, value: unknown, document: Json, path = '$'): string | undefined {
  for (const keyword of Object.keys(schema)) assert.ok(known.has(keyword), `${keyword} at ${path}`);
  const { $ref, oneOf, type, properties = {}, required = [], additionalProperties, items } = schema;
  if (typeof $ref === 'string') {
    const [, name = ''] = /^#\/components\/schemas\/(.+)$/.exec($ref) ?? [];
    return wrong(((document['components'] as Json)['schemas'] as Json)[name] as Json, value, document, path);
  }
  if (oneOf !== undefined) {
    const reasons = (oneOf as Json[]).map((one) => wrong(one, value, document, path));
    return reasons.filter((reason) => reason === undefined).length === 1 ? undefined : reasons.join(' and ');
  }
  if (typeof type === 'string' && !isOf(type, value)) return `${path}: not ${type}`;
  if (typeof value === 'number') {
    const { minimum = -Infinity, maximum = Infinity } = schema as {
      readonly minimum?: number;
      readonly maximum?: number;
    };
    if (value < minimum || value > maximum) return `${path}: too small or too large`;
  }
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) return `${path}: none of them`;
  if (Array.isArray(value) && items !== undefined) {
    return value
      .map((one, index) => wrong(items as Json, one, document, `${path}[${index}]`))
      .find((reason) => reason !== undefined);
  }
  if (type !== 'object') return undefined;
  const missing = (required as string[]).find((name) => !Object.hasOwn(value as Json, name));
  if (missing !== undefined) return `${path}.${missing}: missing`;
  for (const [name, member] of Object.entries(value as Json)) {
    const own = (properties as Json)[name] ?? additionalProperties;
    if (own === false) return `${path}.${name}: too much`;
    const reason = typeof own === 'object' ? wrong(own as Json, member, document, `${path}.${name}`) : undefined;
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function isOf(type: string, value: unknown): boolean {
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'array') return Array.isArray(value);
  return type === 'integer' ? Number.isInteger(value) : typeof value === type;
}

const requests: readonly (readonly [string, Json])[] = [
  [
    'publish',
    { channel: 'kept:a', data: { n: 1 }, tags: { a: 'b' }, idempotency_key: 'k', skip_history: false, delta: false },
  ],
  ['publish', { channel: 'none:a', data: 1 }],
  ['broadcast', { channels: ['kept:a', 'none:a'], b64data: 'YQ==' }],
  ['history', { channel: 'kept:a', limit: 0, since: { offset: 0, epoch: '' }, reverse: false }],
  ['history_remove', { channel: 'kept:a' }],
  ['presence', { channel: 'kept:a' }],
  ['presence_stats', { channel: 'kept:a' }],
  [
    'subscribe',
    { user: 'u', channel: 'kept:a', info: {}, data: [], expire_at: 0, recover_since: { offset: 1, epoch: 'e' } },
  ],
  [
    'subscribe',
    { user: 'u', channel: 'kept:a', b64info: 'e30=', b64data: 'YQ==', override: { presence: { value: false } } },
  ],
  ['unsubscribe', { user: 'u', client: 'c', session: 's', channel: 'kept:a' }],
  ['disconnect', { user: 'u', whitelist: ['c'], disconnect: { code: 4000, reason: 'r' } }],
  ['refresh', { client: 'c', expired: true }],
  ['revoke_token', { uid: 'jti' }],
  ['invalidate_user_tokens', { user: 'u', issued_before: 5 }],
  ['rpc', { method: 'ping', params: { a: 1 } }],
  ['rpc', { method: 'fails' }],
  ['info', {}],
  ['channels', { pattern: 'a*' }],
  ['connections', { user: 'u' }],
  ['batch', { parallel: true, commands: [{ publish: { channel: 'a', data: 1 } }, { presence: {} }] }],
];

test('what the server takes and answers is what its OpenAPI document says', async (t) => {
  const backend = await HttpBackend.start(t, () => ({ error: { code: 1_234, message: 'mine' } }));
  const api = await startApi(t, {
    env: {
      PHAROS_HTTP_API_SURVEY_TIMEOUT: '100ms',
      PHAROS_RPC_PING_ENABLED: 'true',
      PHAROS_RPC_PROXY_ENDPOINT: backend.url('/rpc'),
      PHAROS_RPC_WITHOUT_NAMESPACE_PROXY_ENABLED: 'true',
      PHAROS_RPC_PROXY_TIMEOUT: '60s',
    },
  });
  const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as Json;
  assert.match(document['openapi'] as string, /^3\.1\./);
  const paths = document['paths'] as Json;
  const asked = new Set<string>();
  for (const [method, request] of requests) {
    asked.add(`/api/${method}`);
    const { post } = paths[`/api/${method}`] as { post: Json };
    const content = (at: unknown): Json =>
      ((at as { content: Json }).content['application/json'] as { schema: Json }).schema;
    const takes = content(post['requestBody']);
    assert.equal(wrong(takes, request, document), undefined, `the request of ${method}`);
    const { body } = await api.call(method, request);
    const responses = post['responses'] as Json;
    if (body['error'] !== undefined) {
      const headers = { 'X-API-Key': 'secret', 'X-Centrifugo-Error-Mode': 'transport' };
      const { status, body: told } = await api.call(method, request, headers);
      const { description } = responses['default'] as { description: string };
      assert.match(description, new RegExp(`\\b${status}\\b`), method);
      assert.equal(wrong(content(responses['default']), told, document), undefined, method);
    }
    assert.equal(wrong(content(responses['200']), body, document), undefined, `${method}: ${JSON.stringify(body)}`);
    // Whatever the document has no field for is refused, and what it requires is required.
    assert.notEqual(wrong(takes, { ...request, strange: 1 }, document), undefined);
    assert.equal(await api.errorOf(method, { ...request, strange: 1 }), 107, method);
    for (const name of (takes['required'] as string[] | undefined) ?? []) {
      const rest = Object.fromEntries(Object.entries(request).filter(([field]) => field !== name));
      assert.equal(await api.errorOf(method, rest), 107, `${method} without ${name}`);
    }
    // What is wrong otherwise may be said first.
    if (body['error'] !== undefined) continue;
    // Each field is of the type that the document says.
    for (const [name, schema] of Object.entries(takes['properties'] as Json)) {
      const type = (schema as Json)['type'];
      if (type === undefined) continue;
      const value = type === 'object' || type === 'array' ? 'text' : { no: 1 };
      assert.equal(await api.errorOf(method, { ...request, [name]: value }), 107, `${method}.${name}`);
    }
  }
  assert.deepEqual([...asked].sort(), Object.keys(paths).sort(), 'every method is asked');
});

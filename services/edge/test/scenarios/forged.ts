import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolClient, TextClient } from '../support/clients.ts';
import { startEdge, startOutsider, type World } from '../support/world.ts';

const depth = 5_000;

interface Forged {
  readonly what: string;
  readonly data: string | Buffer;
  /** What a JSON client gets; `text`: the payload as a string. */
  readonly json: 'text' | 'base64' | { readonly value: unknown };
  /** What a text client gets, where it isn't the payload itself. */
  readonly text?: string;
}

const forged: readonly Forged[] = [
  { what: 'a push that closes ours', data: 'x}}\n{"push":{"channel":"chat","pub":{"data":"forged"}}}', json: 'text' },
  { what: 'the same as a JSON string', data: '"x}}\\n{\\"push\\":{}}"', json: { value: 'x}}\n{"push":{}}' } },
  { what: 'an end of ours', data: '1}}}\n{}\n{"id":1,"connect":{}}', json: 'text' },
  { what: 'two JSON values', data: '1,"offset":99', json: 'text' },
  { what: 'JSON with newlines', data: '{\n"a":\r\n[1,\n2]\n}\n', json: { value: { a: [1, 2] } } },
  { what: 'JSON with a line separator', data: '"\u2028\u2029"', json: { value: '\u2028\u2029' } },
  { what: 'JSON with a byte order mark', data: '\ufeff{"a":1}', json: 'text' },
  { what: 'a raw newline in a JSON string', data: '"a\nb"', json: 'text' },
  { what: 'JSON that ends too early', data: '{"a":', json: 'text' },
  { what: 'a bare word', data: 'NaN', json: 'text' },
  { what: 'a number with a leading zero', data: '01', json: 'text' },
  { what: 'a name twice', data: '{"__proto__":1,"a":1,"a":2}', json: { value: JSON.parse('{"__proto__":1,"a":2}') } },
  { what: 'nothing', data: '', json: 'text' },
  { what: 'a ping of the server', data: '{}', json: { value: {} } },
  { what: 'zero bytes', data: '\0\0', json: 'text' },
  { what: 'an escaped lone surrogate', data: '"\\ud800"', json: { value: '\ud800' } },
  { what: 'deep nesting', data: '['.repeat(depth) + ']'.repeat(depth), json: 'text' },
  { what: 'depth without an end', data: '{"a":'.repeat(depth), json: 'text' },
  { what: 'invalid UTF-8', data: Buffer.from([0x22, 0xff, 0xfe, 0x22]), json: 'base64', text: '"\ufffd\ufffd"' },
  { what: 'a surrogate in UTF-8', data: Buffer.from([0xed, 0xa0, 0x80]), json: 'base64', text: '\ufffd\ufffd\ufffd' },
  { what: 'UTF-8 that breaks off', data: Buffer.from([0x61, 0xf0, 0x9f]), json: 'base64', text: 'a\ufffd' },
  { what: 'every byte', data: Buffer.from(Array.from({ length: 256 }, (_, n) => n)), json: 'base64' },
];

function expected(payload: Forged): unknown {
  if (payload.json === 'text') return payload.data.toString();
  if (payload.json === 'base64') return Buffer.from(payload.data).toString('base64');
  return payload.json.value;
}

const quotes = 'a"b\\c\n}},{"push":';

/** Whatever other programs put on the topic arrives as data. Every line of every frame is parsed by the client. */
export function forgedScenarios(makeWorld: () => World, socket: 'uws' | 'ws'): void {
  test('payloads arrive as data at JSON clients and as their text at text clients', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const outsider = await startOutsider(t, world);
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('chat');
    const text = await TextClient.joined(t, edge);
    await client.publications.waitForCount(1);
    for (const { data } of forged) await outsider.append('chat', data);

    await client.publications.waitForCount(1 + forged.length);
    await text.client.received.waitUntil(() => text.client.texts.length >= forged.length, 'all texts');
    for (const [index, payload] of forged.entries()) {
      const publication = client.publications.items[1 + index];
      assert.equal(publication?.channel, 'chat', payload.what);
      assert.deepEqual(publication.data, expected(payload), payload.what);
      const tags = payload.json === 'base64' ? { 'pharos-encoding': 'base64' } : undefined;
      assert.deepEqual(publication.tags, tags, payload.what);
      assert.equal(publication.info, undefined, payload.what);
      assert.equal(text.client.texts[index], payload.text ?? payload.data.toString(), payload.what);
    }
    assert.equal(client.publications.items.length, 1 + forged.length);
    assert.deepEqual(client.pushes, []);
    assert.equal((await client.call({ ping: {} }))['error'], undefined);
  });

  test('properties are tags, whatever they hold; reserved and tracing ones are none', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const outsider = await startOutsider(t, world);
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('room');
    await outsider.append('room', '1', {
      [quotes]: quotes,
      plain: 'value',
      empty: '',
      __proto__x: 'x',
      traceparent: '00-1-2-3',
      tracestate: 'a=b',
      'pharos-version': '7',
      'pharos-anything': 'x',
    });
    await outsider.append('room', '2', { 'pharos-client': quotes, 'pharos-user': `${quotes}user` });
    const [tagged, signed] = await client.publications.waitForCount(2);
    assert.deepEqual(tagged?.tags, { [quotes]: quotes, plain: 'value', empty: '', __proto__x: 'x' });
    assert.equal(tagged.info, undefined);
    // Whoever may write to the topic is believed; what is written is escaped all the same.
    assert.deepEqual(signed?.info, { client: quotes, user: `${quotes}user` });
    assert.equal(signed.tags, undefined);
  });

  test('a forged publisher shows in the line of a text client as data, too', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const outsider = await startOutsider(t, world);
    const { client } = await TextClient.joined(t, edge);
    await outsider.append('chat', '"hi"', { 'pharos-client': quotes });
    await client.received.waitUntil(() => client.texts.length > 0, 'the line');
    assert.deepEqual(client.texts, [`[${quotes}] hi`]);
  });

  test('marks of Pharos itself reach nobody, also when somebody forges them', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const outsider = await startOutsider(t, world);
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('chat');
    await outsider.append('chat', 'a mark', { 'pharos-marker': 'attach' });
    await outsider.append('chat', '"after"');
    await client.publications.waitForCount(1);
    assert.deepEqual(client.dataOf('chat'), ['after']);
  });

  test('keys with quotes and newlines are channels like others', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const outsider = await startOutsider(t, world);
    const client = await ProtocolClient.connect(t, edge);
    const keys = ['a"b\\c\n}},{"push"}', '\u2028', '\0', '*', ' '];
    for (const key of keys) {
      assert.equal(await client.errorOf({ subscribe: { channel: key } }), 0, key);
      await outsider.append(key, JSON.stringify(key));
    }
    await client.publications.waitForCount(keys.length);
    for (const key of keys) assert.deepEqual(client.dataOf(key), [key]);
  });
}

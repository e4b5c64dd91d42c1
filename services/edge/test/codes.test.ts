import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { LaneEntry } from '@pharos/bus';
import { disconnectCodes, errorCodes, unsubscribeCodes } from '@pharos/client-protocol';
import { type ConnectionCommand, decodeControl, encodeMessage } from '@pharos/control';
import { Collector } from '@pharos/testkit';
import { type Asked, answerTo } from '../src/control/answers.ts';
import { startBackend } from './support/backend.ts';
import { type Json, ProtocolClient } from './support/clients.ts';
import { testConfig } from './support/edge.ts';
import { StreamClient } from './support/http-clients.ts';
import { type MemoryWorld, memoryWorld, startEdge } from './support/world.ts';

/** The codes that the server API can end connections with and no edge does of its own: why is in docs/protocol.md. */
const byCommandOnly = [3000, 3006, 3009, 3011, 3014, 3506, 3509];

/** Where each code is provoked: the file, and the title of the test or how it begins. */
const provoked: Readonly<Record<number, readonly [file: string, title: string]>> = {
  100: ['ahead.test.ts', 'a client that is ahead'],
  101: ['tokens.test.ts', 'none is 101'],
  102: ['permissions.test.ts', '102: the namespace'],
  103: ['permissions.test.ts', '103: the namespace'],
  104: ['proxies.test.ts', 'by their namespaces: unknown'],
  105: ['permissions.test.ts', '105: subscribed already'],
  106: ['permissions.test.ts', '106: more channels'],
  107: ['permissions.test.ts', '107: no channel'],
  108: ['proxies.test.ts', 'by their namespaces: unknown'],
  109: ['tokens.test.ts', 'none is 101'],
  110: ['proxies.test.ts', 'it says who may'],
  111: ['limits.test.ts', '111: commands of one connection'],
  112: ['scenarios/protocol.ts', 'recovery that can not be had'],
  2000: ['codes.test.ts', '2000: the server API'],
  2500: ['lost.test.ts', 'a positioned subscriber is told with 2500'],
  2501: ['server-refresh.test.ts', 'subscriptions'],
  3001: ['drain.test.ts', 'answers what is under way'],
  3004: ['codes.test.ts', '3004: a client that gets no answers'],
  3005: ['server-refresh.test.ts', 'connections: prolonged'],
  3008: ['scenarios/slow.ts', 'stopped readers'],
  3010: ['codes.test.ts', '3010: what the server'],
  3012: ['emulation.test.ts', 'pings come by the stream'],
  3013: ['limits.test.ts', '111: commands of one connection'],
  3500: ['tokens.test.ts', 'none is 101'],
  3501: ['server-refresh.test.ts', 'connections: prolonged'],
  3502: ['operations.test.ts', 'no first command: 3502'],
  3503: ['codes.test.ts', '2000: the server API'],
  3504: ['limits.test.ts', '3504: connections of one user'],
  3505: ['codes.test.ts', '3505: more channels'],
  3507: ['unidirectional.test.ts', '${name}: an error of the connect'],
  3508: ['proxies.test.ts', 'send has nobody'],
};

test('every code of the protocol is provoked by a test', () => {
  const tables = [errorCodes, unsubscribeCodes, disconnectCodes];
  const all = tables.flatMap((table) => Object.values(table).map(({ code }: { readonly code: number }) => code));
  const known = [...Object.keys(provoked).map(Number), ...byCommandOnly];
  assert.deepEqual(
    known.toSorted((one, other) => one - other),
    all.toSorted((one, other) => one - other),
  );
  for (const [code, [file, title]] of Object.entries(provoked)) {
    const text = readFileSync(join(import.meta.dirname, file), 'utf8');
    const begins = ["'", '"', '`'].map((quote) => text.indexOf(`test(${quote}${title}`));
    const start = Math.max(...begins);
    assert(start >= 0, `${code}: ${file} has a test ${title}`);
    // Up to where another begins.
    const [body = ''] = text.slice(start).split(/\n *test\(/, 1);
    const digits = code.replace(/^(\d)(\d{3})$/, '$1_?$2');
    assert.match(body, new RegExp(`\\b${digits}\\b`), `${file}, ${title}: ${code}`);
  }
  const documented = readFileSync(join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8');
  for (const code of byCommandOnly) assert.match(documented, new RegExp(`^\\| ${code} `, 'm'));
});

/** Puts commands where the server API puts them. */
async function commander(t: TestContext, world: MemoryWorld): Promise<(command: ConnectionCommand) => Promise<void>> {
  const bus = world.bus();
  t.after(() => bus.close());
  const log = await bus.openLog({ topic: testConfig({}).control.topic });
  return async (command) => {
    await log.append({ channel: 'any', data: encodeMessage(command) }, 60_000);
  };
}

describe('what lies on the control topic', () => {
  test('JSON over several lines is sent in one, and others see it so', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const send = await commander(t, world);
    const client = await ProtocolClient.connect(t, edge);
    const target = { user: '', client: client.id, session: '' };
    const [info, data] = ['{\n  "seat": 1\r\n}', '[\n1]'];
    await send({
      ...{ do: 'subscribe', target, channel: 'room', info, data },
      ...{ expireAt: 0, since: { offset: 0, epoch: '' }, override: {} },
    });
    await send({ do: 'refresh', target, expired: false, expireAt: 0, info: '{\n"name": "Ann"}' });
    await client.messages.waitUntil(() => client.pushes.length >= 2, 'both');
    const [subscribed] = client.pushes as { readonly subscribe?: Json }[];
    assert.deepEqual(subscribed?.subscribe?.['data'], [1]);
    await client.publish('room', 1);
    const [publication] = await client.publications.waitForCount(1);
    assert.deepEqual(publication?.info, {
      ...{ client: client.id, user: '', conn_info: { name: 'Ann' }, chan_info: { seat: 1 } },
    });
  });

  test('options that a subscribe overrides hold for that subscription, and the others as the namespace has them', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const send = await commander(t, world);
    const client = await ProtocolClient.connect(t, edge);
    const target = { user: '', client: client.id, session: '' };
    const rest = { info: '', data: '', expireAt: 0, since: { offset: 0, epoch: '' } };
    for (const [channel, override] of [
      ['positioned', { forcePositioning: true, forceRecovery: false }],
      ['plain', {}],
    ] as const) {
      await send({ do: 'subscribe', target, channel, ...rest, override });
    }
    await client.messages.waitUntil(() => client.pushes.length >= 2, 'both');
    const pushes = client.pushes as { readonly subscribe?: Json }[];
    assert.deepEqual(
      pushes.map(({ subscribe }) => subscribe?.['positioned']),
      [true, undefined],
    );
  });

  test('an edge that has said that it goes greets nobody who comes then: it would be taken for one that is back', async (t) => {
    const world = memoryWorld();
    const bus = world.bus();
    t.after(() => bus.close());
    const log = await bus.openLog({ topic: testConfig({}).control.topic });
    const words = new Collector<string>();
    const entry = (read: LaneEntry): void => {
      for (const cursor = read.publications(); cursor.next(); ) {
        const word = decodeControl(cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd));
        if (word?.do === 'edge') words.add(`${word.node} ${word.here ? 'here' : 'gone'}`);
      }
    };
    await log.attach(0, { entry }, { at: 'head' });
    const [goes, stays] = [await startEdge(t, world), await startEdge(t, world)];
    // Each has said that it is there, and has greeted the other.
    await words.waitForCount(4);
    await goes.edge.drain();
    const gone = await words.waitFor((word) => word.endsWith(' gone'), 'its last word');
    const comes = { do: 'edge', node: 'comes', here: true, key: '' } as const;
    await log.append({ channel: 'comes', data: encodeMessage(comes) }, 60_000);
    const since = (word: string): readonly string[] => words.items.slice(words.items.indexOf(word) + 1);
    // Both hear it in the same moment, and one of them greets.
    const isGreeted = (): boolean => words.items.includes('comes here') && since('comes here').length > 0;
    await words.waitUntil(isGreeted, 'a greeting');
    assert.equal(since(gone).includes(gone.replace(/gone$/, 'here')), false);
    assert.equal(await (await ProtocolClient.connect(t, stays)).errorOf({ ping: {} }), 0);
  });

  test('a code that may not be sent ends nothing, this process neither', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const send = await commander(t, world);
    const client = await ProtocolClient.connect(t, edge);
    const target = { user: '', client: client.id, session: '' };
    for (const code of [0, 1005, 2999, 5000]) await send({ do: 'disconnect', target, code, reason: '', whitelist: [] });
    await send({ do: 'disconnect', target, code: 4999, reason: 'last', whitelist: [] });
    assert.deepEqual(await client.closed, { code: 4999, reason: 'last' });
  });

  test('a question about channels takes no time to speak of, whatever stars it has, and its answer fits a message', () => {
    const about = (names: readonly string[]): Asked =>
      ({ hub: { channels: () => names.map((name) => ({ name, subscriptions: new Set() })) } }) as unknown as Asked;
    const found = (pattern: string, ...names: string[]): string[] => {
      const question = { do: 'ask', id: '', what: 'channels', pattern, user: '' } as const;
      return Object.keys(JSON.parse(answerTo(question, about(names)).body) as Json);
    };
    // A regular expression would be at it for days.
    assert.deepEqual(found(`${'*a'.repeat(20)}b`, 'a'.repeat(255), `${'a'.repeat(254)}b`), [`${'a'.repeat(254)}b`]);
    const names = ['news', 'news:eu', 'n', '', 'x😀y', 'a.b', 'a\nb'];
    for (const [pattern, expected] of [
      ['*', names],
      ['news*', ['news', 'news:eu']],
      ['*e*u', ['news:eu']],
      ['x?y', ['x😀y']],
      ['?', ['n']],
      ['a?b', ['a.b', 'a\nb']],
      ['a.b', ['a.b']],
      ['**n**', ['news', 'news:eu', 'n']],
      ['ews', []],
      ['news?', []],
    ] as const) {
      assert.deepEqual(found(pattern, ...names), expected, pattern);
    }
    // Gone through by each name, so many stars would hold the edge up for a minute.
    const manyNames = Array.from({ length: 5_000 }, (_, n) => `room:${n}`);
    assert.equal(found(`${'*'.repeat(1_000_000)}:4999`, ...manyNames).length, 1);
    const many = Array.from({ length: 9_000 }, (_, n) => `${n}${'\u0001'.repeat(250)}`);
    const answer = answerTo({ do: 'ask', id: '', what: 'channels', pattern: '', user: '' }, about(many));
    assert.equal(answer.partial, true);
    const message = encodeMessage({ say: 'answer', node: 'n', id: 'i', ...answer });
    assert(message.length < 4 * 1024 * 1024 && message.length > 2 * 1024 * 1024, String(message.length));
  });
});

describe('codes that nothing else provokes', () => {
  test('2000: the server API takes a client out of a channel; it ends connections with 3503, or any code that it names', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const send = await commander(t, world);
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('room');
    const target = { user: '', client: client.id, session: '' };
    await send({ do: 'unsubscribe', target, channel: 'room' });
    await client.messages.waitUntil(() => client.pushes.length > 0, 'a push');
    assert.deepEqual(client.pushes, [{ channel: 'room', unsubscribe: { code: 2000, reason: 'server unsubscribe' } }]);
    for (const code of [3503, ...byCommandOnly]) {
      const each = await ProtocolClient.connect(t, edge);
      const { reason } = Object.values(disconnectCodes).find((one) => one.code === code) ?? { reason: '' };
      await send({ do: 'disconnect', target: { ...target, client: each.id }, code, reason, whitelist: [] });
      assert.deepEqual(await each.closed, { code, reason });
    }
  });

  test('3004: a client that gets no answers is told so that its connect failed in the server', async (t) => {
    const { backend, env } = await startBackend(t, () => ({}), { connect: true });
    const edge = await startEdge(t, memoryWorld(), { env: { ...env, PHAROS_UNI_HTTP_STREAM_ENABLED: 'true' } });
    await backend.stop();
    const asked = { method: 'POST', body: '{}' };
    const client = await StreamClient.open(t, edge.port, '/connection/uni_http_stream', asked);
    assert.equal((await client.disconnect()).code, 3004);
  });

  test('3505: more channels than one connection may have, by the doing of the backend', async (t) => {
    const channels = ['a', 'b', 'c'];
    const { env } = await startBackend(t, () => ({ result: { user: 'ann', channels } }), { connect: true });
    const edge = await startEdge(t, memoryWorld(), { env: { ...env, PHAROS_CLIENT_CHANNEL_LIMIT: '2' } });
    const client = await ProtocolClient.open(t, edge);
    client.send({ connect: {} });
    assert.deepEqual(await client.closed, { code: 3505, reason: 'channel limit' });
  });

  test('3010: what the server subscribed a client to it can not tell any more', async (t) => {
    const world = memoryWorld();
    const { env } = await startBackend(t, () => ({ result: { user: 'ann', channels: ['room'] } }), { connect: true });
    const own = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_POSITIONING: 'true' };
    const edge = await startEdge(t, world, { env: { ...env, ...own } });
    const client = await ProtocolClient.open(t, edge);
    const { connect } = await client.call({ connect: {} });
    assert.equal(((connect as Json)['subs'] as Record<string, Json>)['room']?.['positioned'], true);
    await world.broker.inject(world.topic, 0, { key: 'room', data: Buffer.from('"lost"') });
    world.broker.trim(world.topic, 0);
    await world.broker.inject(world.topic, 0, { key: 'room', data: Buffer.from('"after"') });
    assert.deepEqual(await client.closed, { code: 3010, reason: 'insufficient state' });
  });
});

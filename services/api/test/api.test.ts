import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deltaProperty, MemoryBroker, MemoryBus, skipHistoryProperty } from '@pharos/bus';
import { decodeControl, sessionDigest } from '@pharos/control';
import { Collector, HttpBackend } from '@pharos/testkit';
import { type Json, post, startApi } from './support/api.ts';

interface Seen {
  readonly channel: string;
  readonly data: string;
  readonly offset: number;
  readonly properties: Record<string, string>;
}

/** Everything that comes by in a log. */
async function follow(broker: MemoryBroker, topic: string): Promise<Collector<Seen>> {
  const seen = new Collector<Seen>();
  const log = await new MemoryBus(broker).openLog({ topic, lanes: topic.endsWith('kept') ? 4 : 1 });
  for (let lane = 0; lane < log.lanes; lane++) {
    await log.attach(
      lane,
      {
        entry(entry) {
          const cursor = entry.publications();
          while (cursor.next()) {
            seen.add({
              channel: cursor.channel(),
              data: cursor.buffer.toString('utf8', cursor.dataStart, cursor.dataEnd),
              offset: cursor.offset,
              properties: Object.fromEntries(cursor.properties()),
            });
          }
        },
      },
      { at: 'earliest' },
    );
  }
  return seen;
}

const chat = 'persistent://public/default/chat';

describe('publish and broadcast', () => {
  test('a publication lies in the log as it was written, and the answer says where', async (t) => {
    const broker = new MemoryBroker();
    const api = await startApi(t, { broker });
    const seen = await follow(broker, chat);
    const { text } = await api.call(
      'publish',
      '{"channel":"a","data":{"n":12345678901234567890,"s":"é\\n"},"tags":{"k":"v"},"skip_history":true,"delta":true}',
    );
    const { result } = JSON.parse(text) as { result: { offset: number; epoch: string } };
    const published = await seen.waitFor(() => true, 'the publication');
    assert.equal(published.data, '{"n":12345678901234567890,"s":"é\\n"}', 'digit by digit');
    assert.deepEqual(published.properties, { k: 'v', [skipHistoryProperty]: 'true', [deltaProperty]: 'true' });
    assert.equal(result.offset, published.offset);
    assert.match(result.epoch, /\.1$/);
  });

  test('delta_publish of the namespace makes each publication one that may go out as a delta', async (t) => {
    const broker = new MemoryBroker();
    const env = { PHAROS_CHANNEL_NAMESPACES: JSON.stringify([{ name: 'd', log: chat, delta_publish: true }]) };
    const api = await startApi(t, { broker, env });
    const seen = await follow(broker, chat);
    await api.result('publish', { channel: 'd:a', data: 1 });
    await api.result('publish', { channel: 'a', data: 2 });
    const published = await seen.waitForCount(2);
    assert.deepEqual(
      published.map(({ properties }) => properties[deltaProperty]),
      ['true', undefined],
    );
  });

  test('offsets are exact under many publishes at once, into many lanes', async (t) => {
    const broker = new MemoryBroker();
    const api = await startApi(t, { broker });
    const seen = await follow(broker, 'persistent://public/default/kept');
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, n) => api.result('publish', { channel: `kept:${n % 7}`, data: n })),
    );
    await seen.waitFor(() => seen.items.length === 300, 'all of them');
    for (const [n, { offset }] of answers.entries()) {
      const found = seen.items.find(({ data }) => data === String(n));
      assert.equal(offset, found?.offset, `publication ${n}`);
    }
  });

  test('bytes come by base64', async (t) => {
    const broker = new MemoryBroker();
    const api = await startApi(t, { broker });
    const seen = await follow(broker, chat);
    await api.result('publish', { channel: 'a', b64data: Buffer.from('raw bytes').toString('base64') });
    assert.equal((await seen.waitFor(() => true, 'the publication')).data, 'raw bytes');
  });

  test('a broadcast answers for each channel', async (t) => {
    const api = await startApi(t);
    const { responses } = await api.result('broadcast', { channels: ['a', 'none:b', 'c'], data: 1 });
    const [first, second, third] = responses as [Json, Json, Json];
    assert.equal((first['result'] as Json)['offset'], 1);
    assert.equal((second['error'] as Json)['code'], 102);
    assert.equal((third['result'] as Json)['offset'], 2);
  });

  test('what is wrong is named', async (t) => {
    const api = await startApi(t);
    const message = async (body: unknown): Promise<string> =>
      ((await api.call('publish', body)).body['error'] as { message: string }).message;
    assert.match(await message('{'), /not JSON/);
    assert.match(await message([]), /not a JSON object/);
    assert.match(await message({ data: 1 }), /channel: it is missing/);
    assert.match(await message({ channel: 1, data: 1 }), /channel: expected a string/);
    assert.match(await message({ channel: 'a' }), /either data or b64data/);
    assert.match(await message({ channel: 'a', data: 1, b64data: 'YQ==' }), /either data or b64data/);
    assert.match(await message({ channel: 'a', b64data: 'no!' }), /b64data: expected base64/);
    assert.match(await message({ channel: 'a', data: 1, skip_histroy: true }), /skip_histroy: there is no such field/);
    assert.match(await message({ channel: 'a', data: 1, tags: { a: 1 } }), /tags\["a"\]: expected a string/);
    assert.match(await message({ channel: 'a', data: 1, tags: { 'pharos-user': 'x' } }), /the name is taken/);
    assert.match(await message({ channel: 'plain:UPPER', data: 1 }), /no channel can be called so/);
    assert.equal(await api.errorOf('publish', { channel: 'none:a', data: 1 }), 102);
  });
});

test('there are no series more for many channels, users and methods that callers make up', async (t) => {
  const api = await startApi(t);
  const round = async (name: string): Promise<void> => {
    await api.call('publish', { channel: name, data: 1 });
    await api.call('publish', { channel: `kept:${name}`, data: 1, idempotency_key: name });
    await api.call('publish', { channel: `nowhere-${name}:a`, data: 1 });
    await api.call('presence', { channel: `kept:${name}` });
    await api.call('history', { channel: `kept:${name}` });
    await api.call('disconnect', { user: name });
    await api.call('batch', { commands: [{ [`made-up-${name}`]: {} }] });
    await (await fetch(`${api.url}/made-up-${name}`, { method: 'POST', headers: { 'X-API-Key': 'secret' } })).text();
  };
  const series = async (): Promise<string[]> =>
    [...(await api.metrics.registry.metrics()).matchAll(/^([a-z]\S*) \S+$/gm)].map(([, one = '']) => one).sort();
  await round('first');
  const before = await series();
  for (let n = 0; n < 20; n++) await round(`r${n}`);
  assert.deepEqual(await series(), before);
  assert.ok(before.some((one) => one.startsWith('pharos_api_requests_total{method="publish"')));
  assert.ok(before.length < 300, `${before.length} series`);
});

describe('keys, scopes and statuses', () => {
  const keys = JSON.stringify([
    { name: 'app', key: 'publishes', scopes: ['publish'] },
    { name: 'dashboard', key: 'reads', scopes: ['read'] },
  ]);
  const publication = { channel: 'a', data: 1 };

  test('without a key, or with a wrong one, nothing is told', async (t) => {
    const api = await startApi(t, { env: { PHAROS_HTTP_API_KEYS: keys } });
    for (const headers of [{}, { 'X-API-Key': '' }, { 'X-API-Key': 'secre' }, { Authorization: 'Bearer secret' }]) {
      const { status, body } = await api.call('publish', publication, headers);
      assert.equal(status, 401);
      assert.deepEqual(body, { error: { code: 101, message: 'unauthorized' } });
    }
    assert.equal((await api.call('publish', publication, { Authorization: 'apikey secret' })).status, 200);
    assert.equal((await post(`${api.url}/publish?api_key=secret`, publication, {})).status, 401);
  });

  test('a key allows what its scopes say', async (t) => {
    const api = await startApi(t, { env: { PHAROS_HTTP_API_KEYS: keys } });
    const code = async (key: string, method: string, body: unknown): Promise<unknown> =>
      ((await api.call(method, body, { 'X-API-Key': key })).body['error'] as Json | undefined)?.['code'];
    assert.equal(await code('publishes', 'publish', publication), undefined);
    assert.equal(await code('publishes', 'presence_stats', { channel: 'kept:a' }), 103);
    assert.equal(await code('reads', 'presence_stats', { channel: 'kept:a' }), undefined);
    assert.equal(await code('reads', 'publish', publication), 103);
    assert.equal(await code('publishes', 'history_remove', { channel: 'kept:a' }), 103);
    const { body } = await api.call(
      'batch',
      { commands: [{ publish: publication }, { history_remove: { channel: 'a' } }] },
      { 'X-API-Key': 'publishes' },
    );
    const [first, second] = (body['result'] as { replies: Json[] }).replies;
    assert.ok(first?.['publish']);
    assert.equal((second?.['error'] as Json | undefined)?.['code'], 103);
  });

  test('errors by status where that is asked for', async (t) => {
    const api = await startApi(t, { env: { PHAROS_HTTP_API_BODY_LIMIT: '1KiB' } });
    const transport = { 'X-API-Key': 'secret', 'X-Centrifugo-Error-Mode': 'transport' };
    const status = async (method: string, body: unknown): Promise<number> =>
      (await api.call(method, body, transport)).status;
    assert.equal(await status('publish', publication), 200);
    assert.equal(await status('publish', { channel: 'none:a', data: 1 }), 404);
    assert.equal(await status('publish', {}), 400);
    assert.equal(await status('presence', { channel: 'plain:a' }), 400);
    assert.equal(await status('publish', { channel: 'a', data: 'x'.repeat(2_000) }), 413);
    assert.equal(await api.errorOf('publish', {}), 107, 'and by 200 where it is not');
    const { status: unknown } = await post(api.url, { method: 'nothing' }, transport);
    assert.equal(unknown, 404);
  });

  test('a subscribe by the server takes what tokens take: bytes in base64, options of its own', async (t) => {
    const broker = new MemoryBroker();
    const api = await startApi(t, { broker });
    const commands = await follow(broker, 'persistent://public/default/pharos-control');
    const about = { user: 'ann', channel: 'kept:a' };
    const override = { presence: { value: false }, force_recovery: { value: true } };
    await api.result('subscribe', { ...about, b64info: 'eyJhIjogMX0=', b64data: '/w==', override });
    const [command] = await commands.waitForCount(1);
    // As tokens and backends may: null is as if it weren't there.
    await api.result('subscribe', { ...about, override: { presence: null, force_recovery: { value: null } } });
    const { info, data, override: told } = decodeControl(Buffer.from(command?.data ?? '')) as unknown as Json;
    assert.deepEqual([info, data, told], ['{"a": 1}', '"/w=="', { presence: false, forceRecovery: true }]);
    for (const wrong of [
      { override: { history_size: { value: 1 } } },
      { override: { presence: true } },
      { override: { presence: { value: 1 } } },
      { b64data: '!' },
      { b64data: 'YQ==', data: 1 },
    ]) {
      assert.equal(await api.errorOf('subscribe', { ...about, ...wrong }), 107, JSON.stringify(wrong));
    }
  });

  test('the older form names the method in the body', async (t) => {
    const api = await startApi(t);
    const { body } = await post(api.url, { method: 'publish', params: publication }, { 'X-API-Key': 'secret' });
    assert.equal((body['result'] as Json)['offset'], 1);
  });

  test('admin commands are written down with who sent them, and never their data or key', async (t) => {
    const api = await startApi(t);
    await api.result('publish', { channel: 'kept:a', data: 'not for the log' });
    await api.result('history_remove', { channel: 'kept:a' });
    // Who knows it commands as its client.
    await api.result('unsubscribe', { session: 'tell-nobody', channel: 'kept:a' });
    const lines = api.log.map((line) => JSON.parse(line) as Json).filter((line) => line['audit'] === true);
    assert.equal(lines.length, 2);
    const [line, second] = lines;
    assert.equal(second?.['session'], sessionDigest('tell-nobody'));
    assert.ok(!api.log.join('').includes('tell-nobody'));
    assert.equal(line?.['method'], 'history_remove');
    assert.equal(line['key'], 'default');
    assert.equal(line['channel'], 'kept:a');
    assert.equal(line['outcome'], 0);
    assert.ok(!api.log.join('').includes('not for the log') && !api.log.join('').includes('secret'));
  });
});

describe('methods of the application', () => {
  test('are answered by its backend, as those that clients call', async (t) => {
    const backend = await HttpBackend.start(t, ({ json }) => ({ result: { data: { got: json['data'] ?? null } } }));
    const api = await startApi(t, {
      env: {
        PHAROS_RPC_PROXY_ENDPOINT: backend.url('/rpc'),
        PHAROS_RPC_NAMESPACES: JSON.stringify([{ name: 'app', proxy_enabled: true }]),
        PHAROS_RPC_PROXY_TIMEOUT: '60s',
      },
    });
    assert.deepEqual(await api.result('rpc', { method: 'app:do', params: { a: 1 } }), { data: { got: { a: 1 } } });
    assert.deepEqual(backend.requests.items[0]?.json, {
      ...{ client: '', transport: 'http_api', protocol: 'json', encoding: 'json', user: '', method: 'app:do' },
      data: { a: 1 },
    });
    backend.answering = () => ({ error: { code: 1_999, message: 'mine' } });
    assert.equal(await api.errorOf('rpc', { method: 'app:do' }), 1_999);
    backend.answering = () => ({ disconnect: { code: 4_000, reason: 'x' } });
    assert.equal(await api.errorOf('rpc', { method: 'app:do' }), 108);
    await backend.stop();
    assert.equal(await api.errorOf('rpc', { method: 'app:do' }), 100);
    assert.equal(await api.errorOf('rpc', { method: 'do' }), 108);
    assert.equal(await api.errorOf('rpc', { method: 'other:do' }), 104);
    assert.equal(await api.errorOf('rpc', { method: '' }), 107);
    const counted = await api.metrics.registry.getSingleMetric('pharos_api_requests_total')?.get();
    const codes = counted?.values.map(({ labels }) => labels['code']) ?? [];
    assert(codes.includes('application') && !codes.includes('1999'));
  });
});

test('publication_data_format holds for what the application publishes too', async (t) => {
  const formats = ['', 'json', 'json_object', 'binary'].map((format) => ({
    name: format === '' ? 'any' : format,
    publication_data_format: format,
  }));
  const api = await startApi(t, { env: { PHAROS_CHANNEL_NAMESPACES: JSON.stringify(formats) } });
  const text = { b64data: Buffer.from('no json').toString('base64') };
  for (const [channel, takesText, takesList] of [
    ['any:a', 0, 0],
    ['json:a', 107, 0],
    ['json_object:a', 107, 107],
    ['binary:a', 0, 0],
  ] as const) {
    assert.equal(await api.errorOf('publish', { channel, ...text }), takesText, channel);
    assert.equal(await api.errorOf('publish', { channel, data: [1] }), takesList, channel);
    assert.equal(await api.errorOf('publish', { channel, data: { a: 1 } }), 0, channel);
  }
});

describe('presence and batch', () => {
  test('members and their number', async (t) => {
    const api = await startApi(t);
    const owner = { node: 'n', generation: 'g1' };
    await api.presence.acquire(owner, Buffer.alloc(0), 60_000);
    const member = { client: 'c1', user: 'ann', info: Buffer.from('{"conn_info":{"n":1.0}}') };
    await api.presence.index(owner, ['kept:a']);
    await api.presence.change([{ do: 'join', channel: 'kept:a', id: 'i1', owner, member }]);
    const { text } = await api.call('presence', { channel: 'kept:a' });
    assert.equal(text, '{"result":{"presence":{"c1":{"user":"ann","client":"c1","conn_info":{"n":1.0}}}}}');
    assert.deepEqual(await api.result('presence_stats', { channel: 'kept:a' }), { num_clients: 1, num_users: 1 });
    assert.equal(await api.errorOf('presence', { channel: 'plain:a' }), 108);
  });

  test('a batch in order, in parallel, and with what is wrong in its place', async (t) => {
    const api = await startApi(t);
    const commands = Array.from({ length: 50 }, (_, n) => ({ publish: { channel: 'a', data: { n, s: '],{"' } } }));
    for (const parallel of [false, true]) {
      const { replies } = (await api.result('batch', { commands, parallel })) as { replies: Json[] };
      const offsets = replies.map((reply) => (reply['publish'] as { offset: number }).offset);
      assert.equal(new Set(offsets).size, 50);
      if (!parallel)
        assert.deepEqual(
          offsets,
          Array.from({ length: 50 }, (_, n) => n + 1),
        );
    }
    const { replies } = (await api.result('batch', {
      commands: [{ nothing: {} }, { publish: [] }, { presence_stats: { channel: 'kept:a' } }],
    })) as { replies: Json[] };
    assert.deepEqual(
      replies.map((reply) => (reply['error'] as Json | undefined)?.['code']),
      [104, 107, undefined],
    );
    assert.equal(await api.errorOf('batch', { commands: [{ batch: {} }] }), 107);
    assert.equal(await api.errorOf('batch', { commands: [1] }), 107);
    assert.equal(await api.errorOf('batch', { commands: {} }), 107);
    assert.deepEqual((await api.result('batch', { commands: [] }))['replies'], []);
  });
});

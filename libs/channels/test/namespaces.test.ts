import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BusError, MemoryBroker, MemoryBus } from '@pharos/bus';
import { loadConfig, z } from '@pharos/config';
import { type ChannelConfig, channelSection, isChannelName, Namespaces } from '../src/index.ts';

function read(channel: object): ChannelConfig {
  const schema = z.strictObject({ channel: channelSection({ open: false }) });
  const env = { PHAROS_CHANNEL_NAMESPACES: JSON.stringify(channel) };
  return loadConfig(schema, { env }).channel as ChannelConfig;
}

function open(channel: object): Promise<Namespaces> {
  const { without_namespace: rest, namespaces } = read(channel);
  return Namespaces.open(new MemoryBus(new MemoryBroker()), rest, namespaces);
}

test('what stands before the first colon names the namespace; without one it is the default', async () => {
  const namespaces = await open([{ name: 'news', history_size: 10, history_ttl: '1m' }]);
  assert.equal(namespaces.find('news:eu:west')?.name, 'news');
  assert.equal(namespaces.find('chat')?.name, 'default');
  assert.equal(namespaces.find('sports:eu'), undefined);
  assert.equal(namespaces.find(':x'), undefined);
});

test('namespaces of one topic share its log; only those with history make it recoverable', async () => {
  const namespaces = await open([
    { name: 'a', log: 'busy', lanes: 4 },
    { name: 'b', log: 'busy', history_size: 10, history_ttl: '1m' },
  ]);
  assert.equal(namespaces.find('a:1')?.log, namespaces.find('b:1')?.log);
  assert.equal(namespaces.logs.size, 2);
  assert.deepEqual(
    [...namespaces.recoverableLogs].map(({ topic }) => topic),
    ['persistent://public/default/busy'],
  );
});

test('a topic is one log, whatever name each namespace has for it', async () => {
  const namespaces = await open([
    { name: 'a', log: 'busy' },
    { name: 'b', log: 'persistent://public/default/busy', history_size: 10, history_ttl: '1m' },
  ]);
  assert.equal(namespaces.find('a:1')?.log, namespaces.find('b:1')?.log);
});

test('a log is kept for as long as the longest history of its namespaces goes', async () => {
  let nowMs = 1_700_000_000_000;
  const broker = new MemoryBroker({ retentionMs: 60_000, now: () => nowMs });
  const bus = new MemoryBus(broker);
  const { namespaces: all, without_namespace: rest } = read([
    { name: 'a', log: 'kept', history_size: 10, history_ttl: '1m' },
    { name: 'b', log: 'persistent://public/default/kept', history_size: 10, history_ttl: '3h' },
    { name: 'c', log: 'kept', history_size: 0, history_ttl: '9h' },
    { name: 'd', log: 'other', history_size: 10, history_ttl: '1m' },
  ]);
  const namespaces = await Namespaces.open(bus, rest, all);
  const left = async (name: string): Promise<number> => {
    const life = await namespaces.find(`${name}:1`)?.log.living();
    const tail = await life?.attach(0, { entry: () => undefined }, { at: 'earliest' });
    await tail?.close();
    return 1 - (tail?.head ?? 0);
  };
  for (const name of ['a', 'd']) {
    await namespaces.find(`${name}:1`)?.log.append({ channel: `${name}:1`, data: Buffer.from('x') }, 1_000);
  }
  nowMs += 3 * 3_600_000 - 1;
  assert.deepEqual([await left('a'), await left('d')], [1, 0]);
  nowMs += 2;
  assert.equal(await left('a'), 0);
  await bus.close();
});

test('more lanes than the log has, and a name twice, are errors that say so', async () => {
  const isLanes = (error: unknown): boolean => error instanceof BusError && error.code === 'lanes-mismatch';
  await assert.rejects(
    open([
      { name: 'a', log: 'busy', lanes: 2 },
      { name: 'b', log: 'busy', lanes: 4 },
    ]),
    isLanes,
  );
  await assert.rejects(open([{ name: 'a' }, { name: 'a' }]), /namespace a is configured twice/);
});

test('channel names are 1 to 255 bytes of well-formed text', () => {
  assert(isChannelName('a'));
  assert(isChannelName('é'.repeat(127)));
  assert(!isChannelName('é'.repeat(128)));
  assert(!isChannelName(''));
  assert(!isChannelName('\uD800'));
  assert(!isChannelName('x'.repeat(256)));
});

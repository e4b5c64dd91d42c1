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

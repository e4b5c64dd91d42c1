// Which partition a key goes to must not depend on the client that publishes it.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { before, describe, test, type TestContext } from 'node:test';
import { sharedPulsar, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import { Client } from '../../src/client.ts';
import { hashings } from '../../src/hashing/hashing.ts';
import { idOf, produce } from './own.ts';
import { java, type PeerHashing, peers, type ProduceParams, python } from './peers.ts';

const timeout = 180_000;
const partitions = 7;
/** Of each length of UTF-8 there is: one to four bytes, the last being surrogate pairs in UTF-16. */
const ranges = [
  [0x20, 0x7e],
  [0xa0, 0x7ff],
  [0x800, 0xd7ff],
  [0xe000, 0xfffd],
  [0x1_0000, 0x10_ffff],
] as const;

/** So many keys of text, ASCII alone and mixed. Keys are random: a failure names the ones that differ. */
function randomKeys(count: number, from: typeof ranges | readonly [(typeof ranges)[0]] = ranges): string[] {
  const character = (): string => {
    const [first, last] = from[randomInt(from.length)] ?? ranges[0];
    return String.fromCodePoint(randomInt(first, last + 1));
  };
  return Array.from({ length: count }, () => Array.from({ length: randomInt(1, 40) }, character).join(''));
}

const keys = ['a', 'room:42', 'Grüße', '日本語', '🐌', '\u0000', 'x'.repeat(5_000), '🐌'.repeat(1_000)];
keys.push(...randomKeys(1_000, [ranges[0]]), ...randomKeys(4_000));

async function newClient(t: TestContext): Promise<Client> {
  const client = new Client({ serviceUrl: (await sharedPulsar()).serviceUrl });
  t.after(() => client.close());
  return client;
}

/** Where each key of those that follow lies, by the ids of its messages. */
async function partitionsOf(
  send: (params: ProduceParams) => Promise<string[]>,
  hashing?: PeerHashing,
): Promise<number[]> {
  const topic = uniqueTopic('interop-hashing');
  await new PulsarAdmin({ adminUrl: (await sharedPulsar()).adminUrl }).createPartitionedTopic(topic, partitions);
  const messages = keys.map((key) => ({ data: '', key }));
  const ids = await send({
    topic,
    messages,
    compression: 'None',
    batchSize: 1_000,
    ...(hashing === undefined ? {} : { hashing }),
  });
  return ids.map((id) => idOf(id).partition);
}

function assertEqualByKey(actual: readonly number[], expected: readonly number[]): void {
  const different = keys.filter((_, index) => actual[index] !== expected[index]);
  assert.equal(
    different.length,
    0,
    `${different.length} keys differ, such as ${JSON.stringify(different.slice(0, 5))}`,
  );
  assert.equal(actual.length, keys.length);
  // A client that sends everything to one place would agree with itself.
  assert.equal(new Set(actual).size > 1, true);
}

describe('hashes of keys', {
  timeout,
  skip: peers.map(({ skip }) => skip).find((skip) => skip !== false) ?? false,
}, () => {
  before(() => Promise.all(peers.map((peer) => peer.start())), { timeout });

  for (const hashing of ['JavaStringHash', 'Murmur3_32Hash'] as const) {
    test(`${hashing} of ${keys.length} keys is Java's`, async () => {
      const theirs = await (await java.start()).call('hashes', { hashing, keys });
      assertEqualByKey(keys.map(hashings[hashing]), theirs);
    });

    test(`by ${hashing} this client and Java's send every key to the same partition`, async (t) => {
      const client = await newClient(t);
      const worker = await java.start();
      const ours = await partitionsOf((params) => produce(client, params), hashing);
      const theirs = await partitionsOf((params) => worker.call('produce', params), hashing);
      assertEqualByKey(ours, theirs);
    });
  }

  test('a Python producer with the message router of the documentation sends every key where this client does', async (t) => {
    const client = await newClient(t);
    const worker = await python.start();
    const ours = await partitionsOf((params) => produce(client, params), 'JavaStringHash');
    const theirs = await partitionsOf((params) => worker.call('produce', params), 'JavaStringHash');
    assertEqualByKey(ours, theirs);
  });

  test('this client agrees with what Java does without being told anything', async (t) => {
    const client = await newClient(t);
    const worker = await java.start();
    const ours = await partitionsOf((params) => produce(client, params));
    const theirs = await partitionsOf((params) => worker.call('produce', params));
    assertEqualByKey(ours, theirs);
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { javaStringHash } from '@pharos/bytes';
import { sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { connectSdk, type SdkClient } from './support/clients.ts';
import { type EdgeProcess, startEdge } from './support/edge-process.ts';
import type { PulsarAddress } from './support/processes.ts';
import { type Publisher, publishBySdk } from './support/publishers.ts';

const lanes = 4;
const publishEveryMs = 20;
/**
 * "At once": subscribing to all lanes of a fresh edge and hearing something on each, on a machine that is busy. A lane that
 * waits for the stopped edge waits until the broker's keep-alive gives that up, after 30 s at least.
 */
const atOnceMs = 15_000;

/** A channel in each lane. */
function channelPerLane(): string[] {
  const channels = new Map<number, string>();
  for (let room = 0; channels.size < lanes; room++) {
    const lane = (javaStringHash(`rooms:${room}`) & 0x7fffffff) % lanes;
    if (!channels.has(lane)) channels.set(lane, `rooms:${room}`);
  }
  return [...channels.values()];
}

/** Texts end with the number in which they were sent; their answers may overtake each other. */
function inOrder(texts: ReadonlySet<string>): string[] {
  const number = (text: string): number => Number(text.slice(text.lastIndexOf(' ')));
  return [...texts].sort((one, other) => number(one) - number(other));
}

/** Deadlines that a busy machine doesn't meet by chance: every publish is to be acknowledged here. */
const patience = { PHAROS_PULSAR_PUBLISH_TIMEOUT: '60s', PHAROS_PULSAR_ATTACH_TIMEOUT: '30s' };

function config(topic: string): string {
  return `channel:
  namespaces:
    - name: rooms
      log: ${topic}
      lanes: ${lanes}
drain_timeout: 200ms
`;
}

describe('an edge that is stopped while its replacement starts', {
  skip: unavailable('pulsar'),
  timeout: 300_000,
}, () => {
  const channels = channelPerLane();
  let pulsar: PulsarAddress;
  let folder: string;

  before(async () => {
    pulsar = await sharedPulsar();
    folder = await mkdtemp(join(tmpdir(), 'pharos-edge-pause-'));
  });

  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const join4 = (name: string, edge: EdgeProcess): Promise<SdkClient[]> =>
    Promise.all(channels.map((channel) => connectSdk(`${name} in ${channel}`, edge.sdkUrl, channel)));

  /** Time from the first connection until something has come from every lane, and the clients that it came to. */
  async function firstMessages(edge: EdgeProcess): Promise<{ ms: number; clients: SdkClient[] }> {
    const start = performance.now();
    const clients = await join4('a new client', edge);
    await Promise.all(clients.map(({ lines }) => lines.waitForCount(1)));
    return { ms: performance.now() - start, clients };
  }

  for (const tail of ['failover', 'exclusive'] as const) {
    test(`with ${tail} tails, the replacement has all lanes at once`, async (context) => {
      const file = join(folder, `${tail}.yaml`);
      await writeFile(file, config(uniqueTopic(`pause-${tail}`)));
      // The same name for all: a replacement takes the name of the one before.
      const env = { PHAROS_CONFIG: file, PHAROS_PULSAR_TAIL_SUBSCRIPTION: tail, PHAROS_NAME: 'edge-0', ...patience };
      const start = (): Promise<EdgeProcess> => startEdge({ pulsar, env });
      const [steady, stopped] = [await start(), await start()];
      const publishers: Publisher[] = (await join4('publisher', steady)).map((client) =>
        publishBySdk(client, publishEveryMs),
      );
      const old = await join4('an old client', stopped);
      await Promise.all(old.map(({ lines }) => lines.waitForCount(10)));

      const alone = await start();
      const before = await firstMessages(alone);
      assert.equal(await alone.stop(), 0);

      stopped.process.pause();
      const replacement = await start();
      const beside = await firstMessages(replacement);
      context.diagnostic(
        `${tail}: all ${lanes} lanes after ${before.ms.toFixed(0)} ms, beside a stopped edge after ${beside.ms.toFixed(0)} ms`,
      );
      assert.ok(beside.ms < atOnceMs, `${beside.ms} ms`);

      stopped.process.resume();
      await Promise.all(publishers.map((publisher) => publisher.stop()));
      // Clients of the stopped edge have all of it, however long it slept.
      for (const clients of [old, beside.clients]) {
        for (const [index, client] of clients.entries()) {
          const sent = inOrder((publishers[index] as Publisher).published.acknowledged);
          await client.settled(sent.at(-1) as string);
          assert.equal(client.close, undefined, client.name);
          assert.deepEqual(client.lines.items, sent.slice(sent.indexOf(client.lines.items[0] as string)), client.name);
        }
      }
      assert.deepEqual(await Promise.all([steady, stopped, replacement].map((edge) => edge.stop())), [0, 0, 0]);
    });
  }
});

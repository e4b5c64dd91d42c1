import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type PulsarServer, startPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { connectSdk, connectText } from './support/clients.ts';
import { type EdgeProcess, localName, startEdge } from './support/edge-process.ts';
import { type Published, type Publisher, startSdkPublisher, TextPublisher } from './support/publishers.ts';
import type { Receiver } from './support/receiver.ts';

/** Publishers hold back what the log doesn't take; this many a second stays within what an edge keeps for one connection. */
const intervalMs = 25;

/** The texts of publishers, without the `[<id>] ` that text clients are shown. */
function texts(receiver: Receiver): string[] {
  return receiver.lines.items.map((line) => line.replace(/^\[[^\]]*\] /, '')).filter((line) => /^\S+ \d+$/.test(line));
}

/** Resolves when `count` more texts of the publisher have come than had when it was called. */
function waitForMoreOf(publisher: string, count: number, { lines, name }: Receiver): Promise<unknown> {
  const isIts = (line: string): boolean => line.replace(/^\[[^\]]*\] /, '').startsWith(`${publisher} `);
  let left = lines.items.filter(isIts).length + count;
  return lines.waitFor((line) => isIts(line) && --left === 0, `${count} more of ${publisher} at ${name}`, 60_000);
}

/** Everything acknowledged came, nothing came twice, and each publisher's texts came in the order in which it sent them. */
function assertKept(receiver: Receiver, { publisher, acknowledged, unknown, refused }: Published): void {
  const came = texts(receiver).filter((text) => text.startsWith(`${publisher} `));
  const numbers = came.map((text) => Number(text.split(' ')[1]));
  const disorder = numbers.filter((number, index) => index > 0 && number <= (numbers[index - 1] as number));
  const seen = new Set(came);
  const at = `${publisher} at ${receiver.name}`;
  assert.deepEqual(
    {
      lost: [...acknowledged].filter((text) => !seen.has(text)),
      twice: came.length - seen.size,
      disorder,
      refused: came.filter((text) => refused.has(text)),
      strange: came.filter((text) => !acknowledged.has(text) && !unknown.has(text)),
    },
    { lost: [], twice: 0, disorder: [], refused: [], strange: [] },
    at,
  );
}

describe('kill -9 of the broker in the middle', { skip: unavailable('pulsar'), timeout: 300_000 }, () => {
  const topic = uniqueTopic('kill');
  const channel = localName(topic);
  let pulsar: PulsarServer;
  let edges: readonly [EdgeProcess, EdgeProcess];

  before(async () => {
    pulsar = await startPulsar();
    edges = await Promise.all([startEdge({ pulsar, topic }), startEdge({ pulsar, topic })]);
  });

  after(async () => {
    await Promise.all(edges.map((edge) => edge.stop()));
    await pulsar.stop();
  });

  test('twice, what was acknowledged reaches every client once and in order', async (context) => {
    const [one, two] = edges;
    const receivers: Receiver[] = [
      await connectSdk('the SDK on edge 1', one.sdkUrl, channel),
      await connectText('a WebSocket on edge 1', one.textUrl),
      await connectSdk('the SDK on edge 2', two.sdkUrl, channel),
      await connectText('a WebSocket on edge 2', two.textUrl),
    ];
    const publishers: Publisher[] = [
      await startSdkPublisher('sdk-1', one.sdkUrl, channel, intervalMs),
      await startSdkPublisher('sdk-2', two.sdkUrl, channel, intervalMs),
      await TextPublisher.start('text-1', one.textUrl, intervalMs),
    ];
    // Of each publisher: one that was closed and has to come back must not hide behind the others.
    const more = (count: number): Promise<unknown> =>
      Promise.all(
        receivers.flatMap((receiver) =>
          publishers.map(({ published }) => waitForMoreOf(published.publisher, count, receiver)),
        ),
      );

    await more(60);
    for (let kill = 1; kill <= 2; kill++) {
      await pulsar.kill();
      await pulsar.start();
      // Live again at every client, on the same connection as before.
      await more(150);
    }
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    const last = await connectText('the last', one.textUrl);
    await Promise.all(
      receivers.map(({ lines }) =>
        lines.waitFor((line) => line === `[${last.id}] hello from the last`, 'the last line'),
      ),
    );

    for (const receiver of receivers) {
      assert.equal(receiver.close, undefined, `${receiver.name} was closed`);
      for (const { published } of publishers) assertKept(receiver, published);
      assert.deepEqual(texts(receiver), texts(receivers[0] as Receiver), `${receiver.name} has another order`);
    }
    for (const { published } of publishers) {
      const { publisher, acknowledged, unknown, refused } = published;
      context.diagnostic(
        `${publisher}: ${acknowledged.size} acknowledged, ${unknown.size} of unknown outcome, ${refused.size} refused`,
      );
      // What a plain client sent shortly before a kill is of unknown outcome, and that may be most of it.
      assert.ok(acknowledged.size >= 50, `${publisher} published too little to tell`);
    }
    context.diagnostic(`${texts(receivers[0] as Receiver).length} texts at each of ${receivers.length} clients`);
  });
});

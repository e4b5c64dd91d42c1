import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolClient, type Publication } from '../support/clients.ts';
import { type Outsider, startEdge, startOutsider, type World } from '../support/world.ts';

/** Publishes 1, 2, 3… until it is told to stop; says how many. */
async function publishUntil(outsider: Outsider, channel: string, isOver: () => boolean): Promise<number> {
  let next = 1;
  while (!isOver()) {
    // A few at a time, so that entries of one and of several publications come.
    const batch = Array.from({ length: (next % 3) + 1 }, () => outsider.append(channel, String(next++)));
    await Promise.all(batch);
  }
  return next - 1;
}

/** Where the reply and the publications came among all messages of the client. */
function linesOf(client: ProtocolClient): string[] {
  return client.frames.flatMap((frame) => frame.split('\n'));
}

/** Subscribing and unsubscribing while publications come all the time. */
export function orderScenarios(makeWorld: () => World, socket: 'uws' | 'ws', rounds: number): void {
  test(`the reply to a subscribe stands exactly between what came before and what comes after, ${rounds} times`, async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const outsider = await startOutsider(t, world);
    // Somebody is there already, so that publications are being collected when the others come.
    await (await ProtocolClient.connect(t, edge)).subscribe('race');
    let over = false;
    const publishing = publishUntil(outsider, 'race', () => over);
    try {
      for (let round = 0; round < rounds; round++) await race(await ProtocolClient.connect(t, edge));
    } finally {
      over = true;
      await publishing;
    }
  });

  test('whoever stays gets everything in order, while others come and go in the same channel', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const outsider = await startOutsider(t, world);
    const stays = await ProtocolClient.connect(t, edge);
    await stays.subscribe('race');
    let over = false;
    const publishing = publishUntil(outsider, 'race', () => over);
    for (let round = 0; round < rounds; round++) {
      const visitor = await ProtocolClient.connect(t, edge);
      await visitor.subscribe('race');
      await visitor.publications.waitForCount(1);
      if (round % 2 === 0) await visitor.call({ unsubscribe: { channel: 'race' } });
      else visitor.ws.terminate();
    }
    over = true;
    const count = await publishing;
    await stays.publications.waitForCount(count);
    assert.deepEqual(
      stays.dataOf('race'),
      Array.from({ length: count }, (_, index) => index + 1),
    );
  });
}

async function race(client: ProtocolClient): Promise<void> {
  const reply = await client.subscribe('race', { positioned: true });
  const { offset } = reply['subscribe'] as { offset: number };
  await client.publications.waitForCount(5);
  await client.call({ unsubscribe: { channel: 'race' } });
  const atUnsubscribe = client.publications.items.length;
  await client.call({ ping: {} });
  assert.equal(client.publications.items.length, atUnsubscribe, 'a publication after the unsubscribe');

  const lines = linesOf(client);
  const replyAt = lines.findIndex((line) => line.includes('"subscribe"'));
  const firstAt = lines.findIndex((line) => line.includes('"pub"'));
  assert.ok(replyAt < firstAt, 'a publication before the reply');
  const offsets = client.publications.items.map((publication: Publication) => publication.offset);
  assert.deepEqual(
    offsets,
    offsets.map((_, index) => offset + 1 + index),
    'the offsets go on from the reply without a gap',
  );
  client.ws.terminate();
}

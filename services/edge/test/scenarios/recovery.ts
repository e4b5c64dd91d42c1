import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Collector } from '@pharos/testkit';
import { Centrifuge, type PublicationContext, type SubscribedContext } from 'centrifuge';
import { WebSocket } from 'ws';
import { type Json, ProtocolClient } from '../support/clients.ts';
import type { TestEdge } from '../support/edge.ts';
import { metric } from '../support/metrics.ts';
import { type Outsider, startEdge, startOutsider, type World } from '../support/world.ts';

interface SubscribeResult {
  readonly recoverable?: boolean;
  readonly epoch: string;
  /** Missing where the lane is empty. */
  readonly offset?: number;
  readonly recovered?: boolean;
  readonly was_recovering?: boolean;
  readonly publications?: readonly { readonly data: unknown; readonly offset: number }[];
}

async function resume(client: ProtocolClient, channel: string, options: Json): Promise<SubscribeResult> {
  const reply = await client.subscribe(channel, { recoverable: true, ...options });
  assert.ok(reply['subscribe'] !== undefined, JSON.stringify(reply));
  return reply['subscribe'] as SubscribeResult;
}

const dataOf = ({ publications = [] }: SubscribeResult): unknown[] => publications.map(({ data }) => data);

async function appendAll(outsider: Outsider, channel: string, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number++) await outsider.append(channel, String(number));
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** A client of the edge that keeps the lane attached, and has seen all that `outsider` appended to it. */
async function witness(t: TestContext, edge: TestEdge, channel: string): Promise<ProtocolClient> {
  const client = await ProtocolClient.connect(t, edge);
  await client.subscribe(channel);
  return client;
}

/** Clients that come back, to the same edge or another. */
export function recoveryScenarios(makeWorld: () => World, socket: 'uws' | 'ws'): void {
  test('what was missed comes in the answer, all of it, in order; then what is live', async (t) => {
    const world = makeWorld();
    const edges = [await startEdge(t, world, { socket }), await startEdge(t, world, { socket })] as const;
    const outsider = await startOutsider(t, world);
    await witness(t, edges[1], 'room');
    const first = await ProtocolClient.connect(t, edges[0]);
    const { epoch, offset = 0, recoverable } = await resume(first, 'room', {});
    assert.equal(recoverable, true);
    await appendAll(outsider, 'room', 1, 2);
    await first.publications.waitForCount(2);
    const seen = first.publications.items.at(-1)?.offset ?? 0;
    assert.ok(seen > offset);
    first.ws.terminate();
    await Promise.all([appendAll(outsider, 'room', 3, 40), appendAll(outsider, 'other', 1, 10)]);

    const second = await ProtocolClient.connect(t, edges[1]);
    await second.subscribe('other');
    const result = await resume(second, 'room', { recover: true, epoch, offset: seen });
    assert.equal(result.was_recovering, true);
    assert.equal(result.recovered, true);
    await appendAll(outsider, 'room', 41, 45);
    await second.publications.waitUntil(
      () => dataOf(result).length + second.dataOf('room').length >= 43,
      'all publications',
    );
    assert.deepEqual([...dataOf(result), ...second.dataOf('room')], numbers(3, 45));
  });

  test('nothing missed is recovered too; another epoch is not, nor what is older than anything that is kept', async (t) => {
    const world = makeWorld();
    const outsider = await startOutsider(t, world);
    await appendAll(outsider, 'room', 1, 3);
    const edge = await startEdge(t, world, { socket, env: { PHAROS_RING_MAX_LANE_SIZE: '64KiB' } });
    const client = await ProtocolClient.connect(t, edge);
    const stays = await witness(t, edge, 'room');
    // More than the edge may keep, so that the three are gone.
    for (let filler = 0; filler < 20; filler++) await outsider.append('filler', 'x'.repeat(5_000));
    await outsider.append('room', '4');
    await stays.publications.waitForCount(1);
    const { epoch, offset = 0 } = await resume(client, 'room', {});
    const again = async (position: Json): Promise<SubscribeResult> => {
      await client.call({ unsubscribe: { channel: 'room' } });
      return resume(client, 'room', { recover: true, ...position });
    };
    const same = await again({ epoch, offset });
    assert.deepEqual([same.recovered, dataOf(same)], [true, []]);
    assert.equal((await again({ epoch: '', offset })).recovered, true);
    assert.equal((await again({ epoch: 'another.1', offset })).recovered, undefined);
    const last = await again({ epoch, offset: offset - 1 });
    assert.deepEqual([last.recovered, dataOf(last)], [true, [4]]);
    const old = await again({ epoch, offset: 2 });
    assert.deepEqual([old.was_recovering, old.recovered, dataOf(old), old.offset], [true, undefined, [], offset]);
    await client.call({ unsubscribe: { channel: 'room' } });
    const reject = { recover: true, recoverable: true, epoch, offset: 2, flag: 2 };
    assert.equal(await client.errorOf({ subscribe: { channel: 'room', ...reject } }), 112);
    // Refused is not subscribed.
    assert.equal(await client.errorOf({ subscribe: { channel: 'room' } }), 0);
    const outcomes = ['recovered', 'epoch', 'history'].map((outcome) =>
      metric(edge, 'pharos_edge_recoveries_total', { outcome }),
    );
    assert.deepEqual(await Promise.all(outcomes), [3, 1, 2]);
  });

  test('an edge that starts after all of it was published has read it before clients come', async (t) => {
    const world = makeWorld();
    const outsider = await startOutsider(t, world);
    const first = await startEdge(t, world, { socket });
    const client = await ProtocolClient.connect(t, first);
    const { epoch, offset = 0 } = await resume(client, 'room', {});
    await appendAll(outsider, 'room', 1, 30);
    await client.publications.waitForCount(30);
    await first.stop();
    const second = await startEdge(t, world, { socket });
    const result = await resume(await ProtocolClient.connect(t, second), 'room', { recover: true, epoch, offset });
    assert.deepEqual([result.recovered, dataOf(result)], [true, numbers(1, 30)]);
    // What is past goes to those alone who resume.
    const fresh = await ProtocolClient.connect(t, second);
    await fresh.subscribe('room');
    await outsider.append('room', '31');
    await fresh.publications.waitForCount(1);
    assert.deepEqual(fresh.dataOf('room'), [31]);
  });

  test('more than the namespace allows is not recovered, and nothing partial comes', async (t) => {
    const world = makeWorld();
    const env = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '5' };
    const edge = await startEdge(t, world, { socket, env });
    const outsider = await startOutsider(t, world);
    const stays = await witness(t, edge, 'room');
    const client = await ProtocolClient.connect(t, edge);
    const { epoch, offset = 0 } = await resume(client, 'room', {});
    client.ws.terminate();
    await appendAll(outsider, 'room', 1, 5);
    await stays.publications.waitForCount(5);
    const five = await resume(await ProtocolClient.connect(t, edge), 'room', { recover: true, epoch, offset });
    assert.deepEqual([five.recovered, dataOf(five)], [true, numbers(1, 5)]);
    await appendAll(outsider, 'room', 6, 6);
    await stays.publications.waitForCount(6);
    const six = await resume(await ProtocolClient.connect(t, edge), 'room', { recover: true, epoch, offset });
    assert.deepEqual([six.recovered, dataOf(six)], [undefined, []]);
  });

  test('a client that was ahead waits until its new edge has caught up; one that is beyond the log is not recovered', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const outsider = await startOutsider(t, world);
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('other');
    const { epoch, offset = 0 } = await resume(await ProtocolClient.connect(t, edge), 'room', {});
    const answer = resume(client, 'room', { recover: true, epoch, offset: offset + 2 });
    // It is answered in order: that the ping's answer is here says that the subscribe waits.
    await client.call({ ping: {} });
    assert.equal(
      client.messages.items.some((message) => message['subscribe'] !== undefined && message['id'] === 3),
      false,
    );
    await appendAll(outsider, 'room', 1, 3);
    const result = await answer;
    await client.publications.waitUntil(() => dataOf(result).length + client.dataOf('room').length >= 1, 'the third');
    assert.equal(result.recovered, true);
    assert.deepEqual([...dataOf(result), ...client.dataOf('room')], [3]);
    const tooFar = { recover: true, epoch, offset: offset + 1_000_000 };
    const beyond = await resume(await ProtocolClient.connect(t, edge), 'room', tooFar);
    assert.deepEqual([beyond.was_recovering, beyond.recovered, dataOf(beyond)], [true, undefined, []]);
    assert.ok((beyond.offset ?? 0) < offset + 1_000_000);
    assert.equal(await metric(edge, 'pharos_edge_recoveries_total', { outcome: 'beyond' }), 1);
  });

  test('answers larger together than what may be buffered for a connection do not end it', async (t) => {
    const world = makeWorld();
    const env = { PHAROS_CLIENT_QUEUE_MAX_SIZE: '1MiB', PHAROS_CLIENT_RECOVERY_MAX_PUBLICATION_LIMIT: '100000' };
    const edge = await startEdge(t, world, { socket, env });
    const outsider = await startOutsider(t, world);
    const stays = await ProtocolClient.connect(t, edge);
    const { epoch, offset = 0 } = await resume(stays, 'c0', {});
    const channels = Array.from({ length: 30 }, (_, at) => `c${at}`);
    const data = JSON.stringify('x'.repeat(50_000));
    for (const channel of channels) await Promise.all(Array.from({ length: 9 }, () => outsider.append(channel, data)));
    await outsider.append('c0', '"last"');
    await stays.publications.waitForCount(10);
    const client = await ProtocolClient.connect(t, edge);
    const options = { recover: true, recoverable: true, epoch, offset };
    const ids = client.send(...channels.map((channel) => ({ subscribe: { channel, ...options } })));
    const replies = await Promise.all(ids.map((id) => client.reply(id)));
    const results = replies.map((reply) => reply['subscribe'] as SubscribeResult);
    // Whole or not at all; and the first, for which there was room, whole.
    assert.equal(results[0]?.publications?.length, 10);
    for (const { recovered, publications = [] } of results) {
      assert.ok(recovered === true ? publications.length >= 9 : publications.length === 0);
    }
    await client.call({ ping: {} });
    assert.equal(await metric(edge, 'pharos_edge_slow_connections_total', { transport: 'websocket' }), 0);
  });

  test('where recovery is not allowed a client is neither recoverable nor recovered', async (t) => {
    const env = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_RECOVERY: 'false' };
    const edge = await startEdge(t, makeWorld(), { socket, env });
    const client = await ProtocolClient.connect(t, edge);
    const result = await resume(client, 'room', { recover: true, offset: 0, epoch: '' });
    assert.deepEqual([result.recoverable, result.was_recovering, result.recovered], [undefined, true, undefined]);
  });

  test('force_positioning and force_recovery hold for whoever asks for nothing', async (t) => {
    const env = {
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_RECOVERY: 'false',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_POSITIONING: 'false',
    };
    const ask = async (extra: Record<string, string>): Promise<Json> => {
      const edge = await startEdge(t, makeWorld(), { socket, env: { ...env, ...extra } });
      const client = await ProtocolClient.connect(t, edge);
      return (await client.subscribe('room'))['subscribe'] as Json;
    };
    assert.deepEqual(await ask({}), {});
    const positioned = await ask({ PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_POSITIONING: 'true' });
    assert.deepEqual([positioned['positioned'], positioned['recoverable']], [true, undefined]);
    const recoverable = await ask({ PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY: 'true' });
    assert.deepEqual([recoverable['positioned'], recoverable['recoverable']], [true, true]);
  });

  test('the official SDK is moved from edge to edge under load: nothing lost, nothing twice, in order', async (t) => {
    const world = makeWorld();
    // A publisher without a pause: a client that is away for a moment misses thousands.
    const env = {
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '100000',
      PHAROS_CLIENT_RECOVERY_MAX_PUBLICATION_LIMIT: '100000',
    };
    const edges = [await startEdge(t, world, { socket, env }), await startEdge(t, world, { socket, env })] as const;
    await Promise.all(edges.map((edge) => witness(t, edge, 'room')));
    const outsider = await startOutsider(t, world);
    const sockets: WebSocket[] = [];
    /** Each connection goes to the other edge. */
    class Moving extends WebSocket {
      constructor(_url: string, protocols?: string | string[]) {
        super((edges[sockets.length % 2] as TestEdge).webSocketUrl, protocols);
        sockets.push(this);
      }
    }
    const client = new Centrifuge('ws://127.0.0.1', {
      websocket: Moving,
      minReconnectDelay: 10,
      maxReconnectDelay: 50,
    });
    t.after(() => client.disconnect());
    const subscription = client.newSubscription('room', { recoverable: true });
    const publications = new Collector<PublicationContext>();
    const subscribed = new Collector<SubscribedContext>();
    subscription.on('publication', publications.add);
    subscription.on('subscribed', subscribed.add);
    subscription.subscribe();
    client.connect();
    await subscription.ready(10_000);
    let at = 0;
    const over = new AbortController();
    const publishing = (async () => {
      while (!over.signal.aborted) await outsider.append('room', String(++at));
    })();
    for (let moves = 1; moves <= 10; moves++) {
      await publications.waitForCount(publications.items.length + 20);
      sockets.at(-1)?.terminate();
      await subscribed.waitForCount(moves + 1);
    }
    over.abort();
    await publishing;
    await publications.waitForCount(at);
    assert.deepEqual(
      publications.items.map(({ data }) => data as number),
      numbers(1, at),
    );
    const resumed = subscribed.items.slice(1);
    assert.ok(resumed.every(({ wasRecovering, recovered }) => wasRecovering && recovered));
  });
}

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Collector, sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { Centrifuge, type Subscription } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import { EventSource } from 'eventsource';
import { connectSdk } from './support/clients.ts';
import { type EdgeProcess, startEdge } from './support/edge-process.ts';
import type { PulsarAddress } from './support/processes.ts';

const ways = [
  { kind: 'http_stream', encoding: 'json' },
  { kind: 'http_stream', encoding: 'protobuf' },
  { kind: 'sse', encoding: 'json' },
] as const;

/** The official SDK without WebSocket: its stream is on one edge, and its commands meet another; both can be moved. */
class StreamUser {
  readonly received = new Collector<number>();
  readonly recovered = new Collector<boolean>();
  readonly centrifuge: Centrifuge;
  readonly subscription: Subscription;
  readonly #isJson: boolean;
  stream: EdgeProcess;
  commands: EdgeProcess;

  constructor({ kind, encoding }: (typeof ways)[number], stream: EdgeProcess, commands: EdgeProcess, channel: string) {
    this.stream = stream;
    this.commands = commands;
    this.#isJson = encoding === 'json';
    const moved = (asked: string): string => {
      const url = new URL(asked);
      url.port = String(url.pathname === '/emulation' ? this.commands.port : this.stream.port);
      return url.href;
    };
    class MovingSource extends EventSource {
      constructor(url: string) {
        super(moved(url));
      }
    }
    const Sdk = this.#isJson ? Centrifuge : (ProtobufCentrifuge as unknown as typeof Centrifuge);
    this.centrifuge = new Sdk([{ transport: kind, endpoint: `http://127.0.0.1/connection/${kind}` }], {
      emulationEndpoint: 'http://127.0.0.1/emulation',
      eventsource: MovingSource,
      fetch: (url: string, options?: RequestInit) => fetch(moved(url), options),
      readableStream: ReadableStream,
      minReconnectDelay: 10,
      maxReconnectDelay: 100,
      timeout: 30_000,
    });
    this.subscription = this.centrifuge.newSubscription(channel, { recoverable: true });
    this.subscription.on('publication', ({ data }) => this.received.add(this.#number(data)));
    this.subscription.on('subscribed', (context) => this.recovered.add(context.recovered));
    this.subscription.subscribe();
    this.centrifuge.connect();
  }

  async publish(number: number): Promise<void> {
    await this.subscription.publish(this.#isJson ? number : Buffer.from(String(number)));
  }

  #number(data: unknown): number {
    return this.#isJson ? (data as number) : Number(Buffer.from(data as Uint8Array).toString());
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

describe('clients without WebSocket, on two edges and a real Pulsar', {
  skip: unavailable('pulsar'),
  timeout: 600_000,
}, () => {
  let pulsar: PulsarAddress;
  let edges: EdgeProcess[];
  const topic = uniqueTopic('streams');

  before(async () => {
    pulsar = await sharedPulsar();
    edges = await Promise.all(
      [0, 1, 2].map((at) => startEdge({ pulsar, topic, env: { PHAROS_NAME: `streams-${at}` } })),
    );
  });

  after(async () => {
    await Promise.all(edges.map((edge) => edge.stop()));
  });

  const edge = (at: number): EdgeProcess => edges[at] as EdgeProcess;

  async function metric(of: EdgeProcess, line: string): Promise<number> {
    const { body } = await of.internal('/metrics');
    return Number(
      body
        .split('\n')
        .find((each) => each.startsWith(`${line} `))
        ?.slice(line.length) ?? 0,
    );
  }

  for (const way of ways) {
    test(`${way.kind} in ${way.encoding}: commands reach their session over the other edge, in order`, async () => {
      const channel = `${way.kind}-${way.encoding}`;
      const user = new StreamUser(way, edge(1), edge(2), channel);
      await user.subscription.ready(60_000);
      const line = 'pharos_edge_emulation_requests_total{outcome="handed"}';
      const before = await metric(edge(2), line);
      for (const number of numbers(100)) await user.publish(number);
      await user.received.waitForCount(100);
      assert.deepEqual(user.received.items, numbers(100));
      const presence = await user.subscription.presenceStats();
      assert.equal(presence.numClients, 1);
      user.centrifuge.disconnect();
      assert.ok((await metric(edge(2), line)) >= before + 100);
    });
  }

  test('an edge that is killed: its clients go on at another, with all that they missed; posts to it are refused', async () => {
    const users = ways.map((way) => new StreamUser(way, edge(0), edge(1), 'killed'));
    const writer = await connectSdk('the writer', edge(1).sdkUrl, 'killed');
    await Promise.all(users.map(({ subscription }) => subscription.ready(60_000)));
    const say = async (from: number, to: number): Promise<void> => {
      for (let number = from; number < to; number++) await writer.subscription.publish(number);
    };
    await say(0, 50);
    await Promise.all(users.map(({ received }) => received.waitForCount(50)));
    const reply = await fetch(`http://127.0.0.1:${edge(0).port}/connection/http_stream`, {
      method: 'POST',
      body: JSON.stringify({ id: 1, connect: {} }),
    });
    const first = (await reply.body?.getReader().read()) as { readonly value: Uint8Array };
    const { connect } = JSON.parse(Buffer.from(first.value).toString()) as {
      connect: { node: string; session: string };
    };
    edge(0).process.signal('SIGKILL');
    await edge(0).process.exited;
    const post = JSON.stringify({ ...connect, data: '{"id":2,"ping":{}}' });
    const refused = await fetch(`http://127.0.0.1:${edge(1).port}/emulation`, { method: 'POST', body: post });
    // Nobody has noticed yet that it is gone, so its word is waited for.
    assert.ok(refused.status === 504 || refused.status === 404, String(refused.status));
    await say(50, 80);
    for (const user of users) user.stream = edge(2);
    await say(80, 100);
    await Promise.all(users.map(({ received }) => received.waitForCount(100)));
    for (const user of users) {
      assert.deepEqual(user.received.items, numbers(100));
      assert.equal(user.recovered.items.at(-1), true);
      user.centrifuge.disconnect();
    }
    writer.centrifuge.disconnect();
  });
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Collector, startProxy } from '@pharos/testkit';
import { Centrifuge, type PublicationContext, type Subscription, type TransportEndpoint } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import { EventSource } from 'eventsource';
import { StreamClient } from '../support/http-clients.ts';
import { metric, untilIdle, untilMetric } from '../support/metrics.ts';
import { startEdge, withoutPings, type World } from '../support/world.ts';

type Kind = 'http_stream' | 'sse';

interface Way {
  readonly kind: Kind;
  readonly encoding: 'json' | 'protobuf';
}

export const ways: readonly Way[] = [
  { kind: 'http_stream', encoding: 'json' },
  { kind: 'http_stream', encoding: 'protobuf' },
  { kind: 'sse', encoding: 'json' },
];

const recoverable = {
  ...withoutPings,
  PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '100',
  PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL: '60s',
  PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY: 'true',
};

interface Room {
  readonly subscription: Subscription;
  readonly publications: Collector<PublicationContext>;
  readonly states: Collector<string>;
}

/** The official SDK, as it runs in browsers, with what Node.js has of those. */
export class SdkStream {
  readonly client: Centrifuge;
  readonly events = new Collector<string>();
  readonly #encoding: Way['encoding'];

  /** @param ports where it connects to, and where it posts its commands to */
  constructor(t: TestContext, { kind, encoding }: Way, ports: { readonly stream: number; readonly emulation: number }) {
    this.#encoding = encoding;
    const at = (port: number): string => `http://127.0.0.1:${port}`;
    const transports: TransportEndpoint[] = [{ transport: kind, endpoint: `${at(ports.stream)}/connection/${kind}` }];
    const Sdk = encoding === 'protobuf' ? (ProtobufCentrifuge as unknown as typeof Centrifuge) : Centrifuge;
    this.client = new Sdk(transports, {
      emulationEndpoint: `${at(ports.emulation)}/emulation`,
      eventsource: EventSource,
      fetch,
      readableStream: ReadableStream,
      minReconnectDelay: 10,
      maxReconnectDelay: 50,
    });
    t.after(() => this.client.disconnect());
    const { client, events } = this;
    client.on('connecting', ({ code }) => events.add(`connecting ${code}`));
    client.on('connected', ({ transport }) => events.add(`connected ${transport}`));
    client.on('disconnected', ({ code }) => events.add(`disconnected ${code}`));
  }

  async connect(): Promise<void> {
    this.client.connect();
    await this.client.ready(60_000);
  }

  async subscribe(channel: string): Promise<Room> {
    const subscription = this.client.newSubscription(channel);
    const publications = new Collector<PublicationContext>();
    const states = new Collector<string>();
    subscription.on('publication', publications.add);
    subscription.on('subscribed', ({ recovered }) => states.add(`subscribed ${recovered}`));
    subscription.subscribe();
    await subscription.ready(60_000);
    return { subscription, publications, states };
  }

  encode(value: unknown): unknown {
    return this.#encoding === 'json' ? value : Buffer.from(JSON.stringify(value));
  }

  decode(publication: PublicationContext): unknown {
    if (this.#encoding === 'json') return publication.data as unknown;
    return JSON.parse(Buffer.from(publication.data as Uint8Array).toString()) as unknown;
  }
}

/** What clients on SSE and HTTP streaming can, where their commands meet another edge than their stream. */
export function streamScenarios(makeWorld: () => World, socket: 'uws' | 'ws'): void {
  for (const way of ways) {
    const name = `${way.kind} in ${way.encoding}`;

    test(`the official SDK by ${name}: subscribes, publishes, asks, leaves; its commands meet another edge`, async (t) => {
      const world = makeWorld();
      const [one, two] = [
        await startEdge(t, world, { socket, env: withoutPings }),
        await startEdge(t, world, { socket, env: withoutPings }),
      ] as const;
      const sdk = new SdkStream(t, way, { stream: one.port, emulation: two.port });
      await sdk.connect();
      const room = await sdk.subscribe('room');
      for (let n = 0; n < 20; n++) await sdk.client.publish('room', sdk.encode({ n, text: 'grüße\n' }));
      await room.publications.waitForCount(20);
      assert.deepEqual(
        room.publications.items.map((publication) => sdk.decode(publication)),
        Array.from({ length: 20 }, (_, n) => ({ n, text: 'grüße\n' })),
      );
      await assert.rejects(sdk.client.rpc('nothing', sdk.encode({})), { code: 108 });
      // The word of the other edge may come after the reply.
      await untilMetric(two, 'pharos_edge_emulation_requests_total', 22, { outcome: 'handed' });
      assert.equal(await metric(one, 'pharos_edge_connections', { transport: way.kind }), 1);
      room.subscription.unsubscribe();
      sdk.client.disconnect();
      assert.deepEqual(sdk.events.items, ['connecting 0', `connected ${way.kind}`, 'disconnected 0']);
      await untilIdle(one);
      assert.equal(await metric(one, 'pharos_edge_connections_closed_total', { transport: way.kind, code: '1006' }), 1);
    });

    test(`the official SDK by ${name}: a cut, and it gets what it missed; a drain, and it hears of it`, async (t) => {
      const world = makeWorld();
      const [one, two] = [
        await startEdge(t, world, { socket, env: recoverable }),
        await startEdge(t, world, { socket, env: recoverable }),
      ] as const;
      const proxy = await startProxy(`127.0.0.1:${one.port}`);
      t.after(() => proxy.close());
      const sdk = new SdkStream(t, way, { stream: proxy.port, emulation: two.port });
      const other = await StreamClient.connect(t, two.port, 'http_stream');
      await sdk.connect();
      const room = await sdk.subscribe('room');
      await other.call({ publish: { channel: 'room', data: 'before' } });
      await room.publications.waitForCount(1);
      proxy.refuse();
      proxy.cutAll();
      await untilIdle(one);
      for (let n = 0; n < 5; n++) await other.call({ publish: { channel: 'room', data: n } });
      await proxy.accept();
      await room.publications.waitForCount(6);
      const data = room.publications.items.map((publication) => sdk.decode(publication));
      assert.deepEqual(data, ['before', 0, 1, 2, 3, 4]);
      assert.deepEqual(room.states.items, ['subscribed false', 'subscribed true']);
      // Its edge goes, and says so by the stream.
      await one.edge.drain();
      await sdk.events.waitFor((event) => event === 'connecting 3001', 'the shutdown');
      sdk.client.disconnect();
    });
  }
}

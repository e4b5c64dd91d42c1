import { once } from 'node:events';
import { connect } from 'node:net';
import { Collector } from '@pharos/testkit';
import { Centrifuge, type SubscribedContext, type Subscription } from 'centrifuge';
import { WebSocket } from 'ws';
import type { EdgeProcess } from './edge-process.ts';

/** A client of the official SDK that goes away and comes back, to an edge of the test's choice, and remembers where it was. */
export class Resuming {
  readonly received: Collector<number> = new Collector<number>();
  readonly subscribed: Collector<SubscribedContext> = new Collector<SubscribedContext>();
  /** Codes of subscribes that were put off or refused. */
  readonly errors: Collector<number> = new Collector<number>();
  readonly subscription: Subscription;
  readonly #centrifuge: Centrifuge;
  #edge: EdgeProcess;

  constructor(edge: EdgeProcess, channel: string) {
    this.#edge = edge;
    const urlNow = (): string => this.#edge.sdkUrl;
    class Moving extends WebSocket {
      constructor(_url: string, protocols?: string | string[]) {
        super(urlNow(), protocols);
      }
    }
    this.#centrifuge = new Centrifuge('ws://127.0.0.1', {
      websocket: Moving,
      minReconnectDelay: 10,
      maxReconnectDelay: 100,
      timeout: 30_000,
    });
    const options = { recoverable: true, minResubscribeDelay: 50, maxResubscribeDelay: 200 };
    this.subscription = this.#centrifuge.newSubscription(channel, options);
    this.subscription.on('publication', ({ data }) => {
      if (typeof data === 'number') this.received.add(data);
    });
    this.subscription.on('subscribed', this.subscribed.add);
    this.subscription.on('error', ({ error }) => this.errors.add(error.code));
    this.subscription.subscribe();
  }

  /** Connects to an edge; resolves when it is subscribed, with what the edge said. */
  async to(edge: EdgeProcess): Promise<SubscribedContext> {
    const next = this.subscribed.items.length + 1;
    this.go(edge);
    await this.subscribed.waitForCount(next, 60_000);
    return this.subscribed.items[next - 1] as SubscribedContext;
  }

  /** The same without waiting. */
  go(edge: EdgeProcess): void {
    this.#edge = edge;
    this.#centrifuge.connect();
  }

  leave(): void {
    this.#centrifuge.disconnect();
  }

  async publish(data: unknown): Promise<void> {
    await this.subscription.publish(data);
  }
}

/** A command in one line to a Redis. */
export async function tellRedis(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(`${command}\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString().trim();
  } finally {
    socket.destroy();
  }
}

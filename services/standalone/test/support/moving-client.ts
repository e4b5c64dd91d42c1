import { Collector } from '@pharos/testkit';
import { Centrifuge, type SubscribedContext } from 'centrifuge';
import { WebSocket } from 'ws';

/** A client of the official SDK that goes to the next of its edges with each connection, and resumes there. */
export class MovingClient {
  readonly name: string;
  readonly lines: Collector<string> = new Collector();
  /** Each answer to its subscribes. */
  readonly subscribed: Collector<SubscribedContext> = new Collector();
  readonly #centrifuge: Centrifuge;

  constructor(name: string, urls: readonly string[], first: number, channel: string) {
    this.name = name;
    let turn = first;
    class MovingSocket extends WebSocket {
      constructor(_url: string, protocols?: string | string[]) {
        super(urls[turn++ % urls.length] as string, protocols);
      }
    }
    this.#centrifuge = new Centrifuge('ws://127.0.0.1', { websocket: MovingSocket, minReconnectDelay: 50 });
    const subscription = this.#centrifuge.newSubscription(channel, { recoverable: true });
    subscription.on('publication', ({ data }) =>
      this.lines.add(typeof data === 'string' ? data : JSON.stringify(data)),
    );
    subscription.on('subscribed', this.subscribed.add);
    subscription.subscribe();
    this.#centrifuge.connect();
  }

  disconnect(): void {
    this.#centrifuge.disconnect();
  }
}

import { Collector } from '@pharos/testkit';
import { Centrifuge, type Subscription } from 'centrifuge';
import { WebSocket } from 'ws';

const readyMs = 60_000;

/** A client with the official SDK in one channel, which is told of joins and leaves, and stays with one edge. */
export class Guest {
  readonly #client: Centrifuge;
  readonly #subscription: Subscription;
  /** `join <client>` and `leave <client>`, in order. */
  readonly events: Collector<string> = new Collector<string>();
  readonly data: Collector<unknown> = new Collector<unknown>();
  id = '';

  private constructor(url: string, channel: string) {
    this.#client = new Centrifuge(url, { websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 200 });
    this.#client.on('connected', ({ client }) => (this.id = client));
    this.#subscription = this.#client.newSubscription(channel, { joinLeave: true });
    this.#subscription.on('join', ({ info }) => this.events.add(`join ${info.client}`));
    this.#subscription.on('leave', ({ info }) => this.events.add(`leave ${info.client}`));
    this.#subscription.on('publication', ({ data }) => this.data.add(data));
  }

  /** Resolves when it is subscribed. */
  static async enter(url: string, channel: string): Promise<Guest> {
    const guest = new Guest(url, channel);
    guest.#client.connect();
    guest.#subscription.subscribe();
    await guest.#subscription.ready(readyMs);
    return guest;
  }

  /** Waits for an event, the `times`th of its kind. */
  async hears(event: string, times = 1): Promise<void> {
    const heard = (items: readonly string[]): boolean => items.filter((item) => item === event).length >= times;
    await this.events.waitUntil(heard, event);
  }

  publish(data: unknown): Promise<unknown> {
    return this.#subscription.publish(data);
  }

  /** Ids of those who are there, sorted. */
  async present(): Promise<string[]> {
    const { clients } = await this.#subscription.presence();
    return Object.keys(clients).sort();
  }

  async stats(): Promise<{ numClients: number; numUsers: number }> {
    const { numClients, numUsers } = await this.#subscription.presenceStats();
    return { numClients, numUsers };
  }

  leave(): void {
    this.#client.disconnect();
  }
}

/** Resolves with the client's id when a bare connection is subscribed: thousands of them cost little. */
export function bareGuest(url: string, channel: string): Promise<{ readonly id: string; readonly ws: WebSocket }> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url);
    let id = '';
    ws.on('error', reject);
    ws.on('open', () => ws.send(`{"id":1,"connect":{}}\n{"id":2,"subscribe":${JSON.stringify({ channel })}}`));
    ws.on('message', (frame: Buffer) => {
      for (const line of frame.toString().split('\n')) {
        const message = JSON.parse(line) as { id?: number; error?: unknown; connect?: { client: string } };
        if (message.error !== undefined) return reject(new Error(line));
        if (message.connect !== undefined) id = message.connect.client;
        if (message.id === 2) resolve({ id, ws });
      }
    });
  });
}

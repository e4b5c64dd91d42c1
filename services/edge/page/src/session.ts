import type { Centrifuge, PublicationContext, Subscription } from 'centrifuge';
import type { ConnectionState } from './connection.ts';
import type { IncomingPublication } from './message.ts';

/** How a room stands with the server; `refused` is final until somebody asks again. */
export type RoomState =
  | { readonly phase: 'joining' }
  | { readonly phase: 'joined' }
  | { readonly phase: 'refused'; readonly problem: string };

export interface SessionEvents {
  connection(state: ConnectionState): void;
  room(room: string, state: RoomState): void;
  /** The room's subscription is back after an interruption, and the server couldn't give what was missed. */
  gap(room: string): void;
  message(room: string, publication: IncomingPublication): void;
}

/** Client ids kept to tell this tab's own messages: one a connection, so far more than a recovery reaches back. */
const MAX_OWN_IDS = 32;
const MAX_RECONNECT_DELAY_MS = 5_000;

/** One connection of the official SDK and its rooms, turned into the few events that the page is made of. */
export class Session {
  readonly #client: Centrifuge;
  readonly #events: SessionEvents;
  readonly #ownIds: string[] = [];
  readonly #joinedOnce = new Set<string>();
  #everConnected = false;
  #downSinceMs = Date.now();

  constructor(events: SessionEvents) {
    this.#events = events;
    this.#client = new globalThis.Centrifuge(endpoint(document.baseURI), {
      name: 'pharos-page',
      maxReconnectDelay: MAX_RECONNECT_DELAY_MS,
    });
    this.#watchConnection();
  }

  get isConnected(): boolean {
    return this.#client.state === globalThis.Centrifuge.State.Connected;
  }

  isOwn(clientId: string): boolean {
    return this.#ownIds.includes(clientId);
  }

  connect(): void {
    this.#client.connect();
  }

  /** Tries at once in place of waiting for the SDK's next attempt. */
  reconnect(): void {
    this.#client.disconnect();
    this.#client.connect();
  }

  join(room: string): void {
    const subscription = this.#client.getSubscription(room) ?? this.#subscribeTo(room);
    subscription.subscribe();
  }

  leave(room: string): void {
    const subscription = this.#client.getSubscription(room);
    if (subscription === null) return;
    subscription.removeAllListeners();
    subscription.unsubscribe();
    this.#client.removeSubscription(subscription);
    this.#joinedOnce.delete(room);
  }

  /** Rejects with the SDK's `{code, message}` where the server refuses or doesn't answer. */
  async publish(room: string, data: { readonly name: string; readonly text: string }): Promise<void> {
    await this.#client.publish(room, data);
  }

  #watchConnection(): void {
    this.#client.on('connecting', (context) => {
      if (!this.#everConnected) this.#events.connection({ phase: 'connecting' });
      else this.#lost(context.reason);
    });
    this.#client.on('connected', (context) => {
      this.#everConnected = true;
      this.#ownIds.push(context.client);
      if (this.#ownIds.length > MAX_OWN_IDS) this.#ownIds.shift();
      this.#downSinceMs = 0;
      this.#events.connection({ phase: 'connected' });
    });
    this.#client.on('disconnected', ({ code, reason }) => {
      this.#events.connection({ phase: 'disconnected', code, reason });
    });
    this.#client.on('error', (context) => {
      // Each failed attempt is an error event; with a connection up it is no news about the connection.
      if (this.#client.state === globalThis.Centrifuge.State.Connecting) this.#lost(context.error.message);
    });
  }

  #lost(reason: string): void {
    if (this.#downSinceMs === 0) this.#downSinceMs = Date.now();
    this.#events.connection({
      phase: 'reconnecting',
      sinceMs: this.#downSinceMs,
      reason,
      everConnected: this.#everConnected,
    });
  }

  #subscribeTo(room: string): Subscription {
    // Recoverable: where the server keeps history, an interruption leaves no hole.
    const subscription = this.#client.newSubscription(room, { recoverable: true, positioned: true });
    subscription.on('publication', (context) => this.#events.message(room, incoming(context)));
    subscription.on('subscribing', () => this.#events.room(room, { phase: 'joining' }));
    subscription.on('subscribed', (context) => {
      const complete = context.wasRecovering && context.recovered;
      if (this.#joinedOnce.has(room) && !complete) this.#events.gap(room);
      this.#joinedOnce.add(room);
      this.#events.room(room, { phase: 'joined' });
    });
    subscription.on('unsubscribed', ({ code, reason }) => {
      this.#events.room(room, { phase: 'refused', problem: `${reason} (code ${code})` });
    });
    return subscription;
  }
}

/** The WebSocket address beside the page, so that it also works below a proxy's path. */
function endpoint(base: string): string {
  const url = new URL('connection/websocket', base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  url.search = '';
  return url.href;
}

function incoming(context: PublicationContext): IncomingPublication {
  const data: unknown = context.data;
  return { data, clientId: context.info?.client, tags: context.tags };
}

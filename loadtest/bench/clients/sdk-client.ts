import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';

import type { CrowdClient } from './crowd.ts';
import type { Endpoints } from './endpoints.ts';
import { messageOf } from './message.ts';
import { ClientRecord } from './record.ts';

/** How soon a client comes back: sooner than by default, so that a run has many comings. */
const reconnectDelays = { minReconnectDelay: 50, maxReconnectDelay: 1_000 };

/** A connection of the official SDK that takes the next edge each time. */
export class MovingConnection {
  readonly centrifuge: Centrifuge;
  /** The address that it is connected to, or was last. */
  url = '';

  readonly #endpoints: Endpoints;
  readonly #home: number;
  #turn: number;

  constructor(endpoints: Endpoints, first: number) {
    this.#endpoints = endpoints;
    this.#home = first;
    this.#turn = first;
    const next = (): string => (this.url = endpoints.at(this.#turn++));
    class MovingSocket extends WebSocket {
      constructor(_url: string, protocols?: string | string[]) {
        super(next(), protocols, { perMessageDeflate: false });
      }
    }
    // The address is another each time: the socket knows.
    this.centrifuge = new Centrifuge('ws://127.0.0.1', { websocket: MovingSocket, ...reconnectDelays });
  }

  /** Connects to the edge that it began with, unless it is there. */
  goHome(): void {
    if (this.url === this.#endpoints.at(this.#home)) return;
    this.#turn = this.#home;
    this.centrifuge.disconnect();
    this.centrifuge.connect();
  }
}

/** A client of the official SDK that writes down what it sees. */
export class SdkClient implements CrowdClient {
  readonly record: ClientRecord;
  readonly #connection: MovingConnection;
  /** The id that the server gave to the connection that stands. */
  #id = '';

  constructor(name: string, channels: readonly string[], endpoints: Endpoints, first: number, joinLeave: boolean) {
    this.record = new ClientRecord(name, channels);
    this.#connection = new MovingConnection(endpoints, first);
    const { centrifuge } = this.#connection;
    centrifuge.on('connected', ({ client }) => (this.#id = client));
    centrifuge.on('connecting', ({ code }) => {
      if (this.#id !== '') this.record.disconnected(code);
      this.#id = '';
    });
    centrifuge.on('disconnected', ({ code }) => this.record.disconnected(code));
    for (const channel of channels) this.#subscribe(channel, joinLeave);
    centrifuge.connect();
  }

  goHome(): void {
    this.#connection.goHome();
  }

  close(): void {
    this.record.left();
    this.#connection.centrifuge.removeAllListeners();
    this.#connection.centrifuge.disconnect();
  }

  #subscribe(channel: string, joinLeave: boolean): void {
    const subscription = this.#connection.centrifuge.newSubscription(channel, {
      recoverable: true,
      positioned: true,
      joinLeave,
    });
    subscription.on('subscribed', ({ recoverable, wasRecovering, recovered, streamPosition }) => {
      const { offset, epoch = '' } = streamPosition ?? {};
      const answer = { offset, epoch, recoverable, wasRecovering, recovered };
      this.record.subscribed(channel, this.#id, this.#connection.url, answer);
    });
    subscription.on('publication', ({ offset = 0, data }) => this.record.publication(channel, offset, messageOf(data)));
    subscription.on('join', ({ info }) => this.record.joinOrLeave(channel, 'join', info.client));
    subscription.on('leave', ({ info }) => this.record.joinOrLeave(channel, 'leave', info.client));
    subscription.on('subscribing', ({ code }) => {
      // Below are the client's own reasons: its first subscribe, a connection that was lost, which is told elsewhere.
      if (code >= firstServerCode) this.record.unsubscribed(channel, code);
    });
    subscription.on('unsubscribed', ({ code }) => this.record.unsubscribed(channel, code));
    subscription.on('error', ({ error }) => this.record.refused(channel, error.code));
    subscription.subscribe();
  }
}

const firstServerCode = 2_000;

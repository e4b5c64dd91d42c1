// Hot path where there is somebody in it: every frame to a channel with such subscribers goes through `publish`.
import { Topics } from '@pharos/socket-server';

/** How messages are written to connections that aren't sent them as they are. One object for all connections of a kind. */
export interface Framing {
  /** What is written for a message. It may be parts of `message` itself: to be written before that is somebody else's again. */
  frames(message: Buffer): readonly Buffer[];
}

/** A connection that the native publish of the socket server doesn't know. */
export interface Relayed {
  readonly framing: Framing;
  /** Writes frames of its framing. */
  write(frames: readonly Buffer[]): void;
}

/** What a flusher publishes to: a socket server, or more than that. */
export interface Publishing {
  /** `message` is the caller's again when this returns. */
  publish(topic: string, message: Buffer, isBinary: boolean): void;
}

/** Publishes to the sockets of the server, and to the connections beside it. */
export class Relay implements Publishing {
  readonly #server: Publishing;
  readonly #topics = new Topics<Relayed>();

  constructor(server: Publishing) {
    this.#server = server;
  }

  /** Topics with a connection. */
  get topicCount(): number {
    return this.#topics.topicCount;
  }

  subscribe(connection: Relayed, topic: string): void {
    this.#topics.subscribe(connection, topic);
  }

  unsubscribe(connection: Relayed, topic: string): boolean {
    return this.#topics.unsubscribe(connection, topic);
  }

  unsubscribeAll(connection: Relayed): void {
    this.#topics.unsubscribeAll(connection);
  }

  publish(topic: string, message: Buffer, isBinary: boolean): void {
    this.#server.publish(topic, message, isBinary);
    if (this.#topics.topicCount > 0) this.#relay(topic, message);
  }

  #relay(topic: string, message: Buffer): void {
    const connections = this.#topics.subscribers(topic);
    if (connections.size === 0) return;
    // Nearly always of one framing or two: each is made once.
    let framing: Framing | undefined;
    let frames: readonly Buffer[] = [];
    let others: Map<Framing, readonly Buffer[]> | undefined;
    for (const connection of connections) {
      if (connection.framing !== framing) {
        framing = connection.framing;
        others ??= new Map();
        let made = others.get(framing);
        if (made === undefined) others.set(framing, (made = framing.frames(message)));
        frames = made;
      }
      connection.write(frames);
    }
  }
}

import { connect as connectSocket, type Socket } from 'node:net';
import { ByteWriter } from '@pharos/bytes';
import { describeError } from '@pharos/errors';
import { brokerError, PulsarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { PulsarMetrics } from '../metrics.ts';
import {
  type BaseCommand,
  type CommandMap,
  DEFAULT_MAX_MESSAGE_BYTES,
  encodeFrame,
  type Frame,
  FrameParser,
  type KnownCommand,
} from '../wire/index.ts';
import { Requests, type ResponseCommand } from './requests.ts';

const clientVersion = 'Pharos-0.1.0';
/** Version 21 of the protocol: the newest whose commands this client knows. */
const protocolVersion = 21;

export interface ConnectionOptions {
  /** Host and port that the socket goes to. */
  readonly host: string;
  readonly port: number;
  /** For messages, and for the pool. */
  readonly url: string;
  /** `host:port` of the broker behind a proxy. */
  readonly proxyToBroker?: string;
  readonly connectTimeoutMs: number;
  readonly operationTimeoutMs: number;
  readonly keepAliveIntervalMs: number;
  readonly logger: Logger;
  readonly metrics: PulsarMetrics;
}

/** What the broker says to one producer of a connection. */
export interface ProducerEvents {
  receipt(command: CommandMap['sendReceipt']): void;
  sendError(command: CommandMap['sendError']): void;
  /** The socket takes more again, after `writable` was false. */
  writable(): void;
  /** The broker let go of it, or the connection is gone; `error` says why. It is registered no more. */
  detached(error: PulsarError): void;
}

/** What the broker says to one consumer of a connection. */
export interface ConsumerEvents {
  message(command: CommandMap['message'], entry: Buffer): void;
  activeChanged(active: boolean): void;
  endOfTopic(): void;
  detached(error: PulsarError): void;
}

/** One connection to a broker, shared by all that talk to it. Once closed it stays closed. */
export class Connection {
  readonly url: string;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #parser = new FrameParser();
  readonly #requests: Requests;
  readonly #producers = new Map<number, ProducerEvents>();
  readonly #consumers = new Map<number, ConsumerEvents>();
  readonly #writer = new ByteWriter(1024);
  readonly #onClosed: ((connection: Connection) => void)[] = [];
  #ready: { resolve: (connection: Connection) => void; reject: (error: PulsarError) => void } | undefined;
  #maxMessageBytes = 0;
  #closed: PulsarError | undefined;
  #handshakeTimer: NodeJS.Timeout | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #heard = true;
  #greeted = false;
  readonly #pausing = new Set<object>();

  private constructor(options: ConnectionOptions) {
    this.url = options.url;
    this.#options = options;
    this.#requests = new Requests(options.operationTimeoutMs);
    this.#socket = connectSocket({ host: options.host, port: options.port, noDelay: true });
    this.#socket.on('connect', () => this.#hello());
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('drain', () => {
      for (const producer of [...this.#producers.values()]) producer.writable();
    });
    this.#socket.on('error', (cause) =>
      this.#fail(new PulsarError('ConnectError', `connection to ${this.url} failed`, { cause })),
    );
    this.#socket.on('close', () => {
      const when = this.#ready === undefined ? '' : ' before it answered as a Pulsar broker';
      this.#fail(new PulsarError('ConnectError', `${this.url} closed the connection${when}`));
    });
  }

  /** Connects and shakes hands. @throws PulsarError `ConnectError`, `Timeout`, `AuthenticationError` */
  static open(options: ConnectionOptions): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const connection = new Connection(options);
      connection.#ready = { resolve, reject };
      connection.#handshakeTimer = setTimeout(() => {
        const text = `${options.url} did not answer as a Pulsar broker within ${options.connectTimeoutMs} ms`;
        connection.#fail(new PulsarError('Timeout', text));
      }, options.connectTimeoutMs);
    });
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Bytes of metadata and payload that the broker takes in one entry. */
  get maxMessageBytes(): number {
    return this.#maxMessageBytes;
  }

  /** False while the other side is slow to read: what is written now waits in memory. */
  get writable(): boolean {
    return this.#closed === undefined && !this.#socket.writableNeedDrain;
  }

  /**
   * Stops reading, for as long as any holder asks for it. It stops receipts and answers for everybody on this connection
   * too: the last resort of a receiver that is being flooded.
   */
  pauseReading(holder: object): void {
    this.#pausing.add(holder);
    this.#socket.pause();
  }

  resumeReading(holder: object): void {
    if (!this.#pausing.delete(holder) || this.#pausing.size > 0) return;
    this.#heard = true;
    this.#socket.resume();
  }

  onClosed(callback: (connection: Connection) => void): void {
    if (this.closed) callback(this);
    else this.#onClosed.push(callback);
  }

  addProducer(id: number, events: ProducerEvents): void {
    this.#mustBeOpen();
    this.#producers.set(id, events);
  }

  removeProducer(id: number): void {
    this.#producers.delete(id);
  }

  addConsumer(id: number, events: ConsumerEvents): void {
    this.#mustBeOpen();
    this.#consumers.set(id, events);
  }

  removeConsumer(id: number): void {
    this.#consumers.delete(id);
  }

  /** Sends a command that the broker answers by its request id; throws the error that it answers with. */
  request<Name extends ResponseCommand>(
    expected: Name,
    what: string,
    build: (requestId: number) => KnownCommand,
  ): Promise<CommandMap[Name]> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const { requestId, response } = this.#requests.add(expected, what);
    this.send(build(requestId));
    return response;
  }

  /** Sends a command; where the connection is closed, it is lost, and whoever sent it hears of that by `detached`. */
  send(command: KnownCommand): void {
    this.#writer.reset();
    encodeFrame(this.#writer, command);
    this.write(this.#writer.copy());
  }

  /** Writes a whole frame, which must not be changed afterwards. */
  write(frame: Buffer): void {
    if (this.#closed === undefined) this.#socket.write(frame);
  }

  /** Ends it for everybody; whoever is attached hears `reason` and attaches anew. */
  abort(reason: PulsarError): void {
    this.#fail(reason);
  }

  close(): void {
    this.#fail(new PulsarError('AlreadyClosed', `the connection to ${this.url} was closed`));
  }

  #hello(): void {
    const { proxyToBroker } = this.#options;
    this.send({
      type: 'connect',
      command: {
        clientVersion,
        protocolVersion,
        authMethodName: 'none',
        ...(proxyToBroker === undefined ? {} : { proxyToBrokerUrl: proxyToBroker }),
        featureFlags: { supportsBrokerEntryMetadata: true },
      },
    });
  }

  #read(chunk: Buffer): void {
    this.#heard = true;
    if (!this.#greeted) {
      this.#greeted = true;
      // The commonest wrong port is that of the admin API, whose answer would read as an absurd frame size.
      if (chunk.toString('latin1', 0, 5) === 'HTTP/') return this.#fail(this.#notPulsar('it answers HTTP'));
    }
    this.#parser.push(chunk);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) this.#handle(frame.command, frame.entry);
  }

  #next(): Frame | undefined {
    if (this.closed) return undefined;
    try {
      return this.#parser.next();
    } catch (cause) {
      if (this.#ready === undefined) {
        this.#fail(new PulsarError('ReadError', `${this.url} sent what is not the Pulsar protocol`, { cause }));
      } else this.#fail(this.#notPulsar(describeError(cause), cause));
      return undefined;
    }
  }

  #notPulsar(why: string, cause?: unknown): PulsarError {
    const details = cause === undefined ? { retryable: false } : { retryable: false, cause };
    return new PulsarError('ConnectError', `${this.url} is not a Pulsar broker: ${why}`, details);
  }

  #handle(frame: BaseCommand, entry: Buffer | undefined): void {
    if (this.#ready !== undefined) return this.#greet(frame);
    switch (frame.type) {
      case 'message':
        if (entry !== undefined) this.#consumers.get(frame.command.consumerId)?.message(frame.command, entry);
        return;
      case 'sendReceipt':
        return this.#producers.get(frame.command.producerId)?.receipt(frame.command);
      case 'sendError':
        return this.#producers.get(frame.command.producerId)?.sendError(frame.command);
      case 'ping':
        return this.send({ type: 'pong', command: {} });
      case 'pong':
      case 'unknown':
        return;
      case 'closeProducer':
        return this.#detachProducer(frame.command.producerId);
      case 'closeConsumer':
        return this.#detachConsumer(frame.command.consumerId);
      case 'activeConsumerChange':
        return this.#consumers.get(frame.command.consumerId)?.activeChanged(frame.command.isActive ?? false);
      case 'reachedEndOfTopic':
        return this.#consumers.get(frame.command.consumerId)?.endOfTopic();
      case 'error':
        return this.#requests.refuse(frame.command);
      default:
        return this.#requests.answer(frame);
    }
  }

  /** What comes before CONNECTED. */
  #greet(frame: BaseCommand): void {
    switch (frame.type) {
      case 'connected':
        return this.#connected(frame.command);
      case 'error':
        return this.#fail(
          brokerError(frame.command.error, frame.command.message, `${this.url} refused the connection`),
        );
      case 'authChallenge':
        return this.#fail(
          new PulsarError('AuthenticationError', `${this.url} asks for credentials, and there are none`),
        );
      default:
        return this.#fail(this.#notPulsar(`it answered CONNECT with ${frame.type}`));
    }
  }

  #connected(command: CommandMap['connected']): void {
    clearTimeout(this.#handshakeTimer);
    if (command.maxMessageSize !== undefined && command.maxMessageSize > 0)
      this.#parser.setMaxMessageBytes(command.maxMessageSize);
    this.#maxMessageBytes = command.maxMessageSize ?? DEFAULT_MAX_MESSAGE_BYTES;
    this.#keepAlive = setInterval(() => this.#checkAlive(), this.#options.keepAliveIntervalMs);
    this.#keepAlive.unref();
    this.#options.metrics.connection?.('opened');
    this.#ready?.resolve(this);
    this.#ready = undefined;
  }

  #checkAlive(): void {
    // While nothing is read, nothing can be heard.
    if (this.#pausing.size > 0) return;
    if (!this.#heard) {
      this.#fail(
        new PulsarError(
          'ConnectError',
          `${this.url} has not been heard of for ${this.#options.keepAliveIntervalMs} ms`,
        ),
      );
      return;
    }
    this.#heard = false;
    this.send({ type: 'ping', command: {} });
  }

  #detachProducer(id: number): void {
    const producer = this.#producers.get(id);
    this.#producers.delete(id);
    producer?.detached(new PulsarError('NotConnected', 'the broker closed the producer (its topic moves)'));
  }

  #detachConsumer(id: number): void {
    const consumer = this.#consumers.get(id);
    this.#consumers.delete(id);
    consumer?.detached(new PulsarError('NotConnected', 'the broker closed the consumer (its topic moves)'));
  }

  #tell(error: PulsarError): void {
    this.#options.metrics.connection?.(this.#ready === undefined ? 'closed' : 'failed');
    if (error.code === 'AlreadyClosed') return;
    // A connection that never was is told of by whoever asked for it.
    if (this.#ready === undefined)
      this.#options.logger.warn({ broker: this.url, reason: describeError(error) }, 'lost a connection to Pulsar');
  }

  #mustBeOpen(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  #fail(error: PulsarError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    clearTimeout(this.#handshakeTimer);
    clearInterval(this.#keepAlive);
    this.#socket.destroy();
    this.#tell(error);
    this.#ready?.reject(error);
    this.#ready = undefined;
    this.#requests.failAll(error);
    const attached = [...this.#producers.values(), ...this.#consumers.values()];
    this.#producers.clear();
    this.#consumers.clear();
    for (const callback of this.#onClosed.splice(0)) callback(this);
    for (const one of attached) one.detached(error);
  }
}

import { connect as connectSocket, type Socket } from 'node:net';

import { ByteWriter } from '@pharos/bytes';
import { describeError } from '@pharos/errors';

import { brokerError, PulsarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type BaseCommand, type CommandMap, encodeFrame, FrameParser, type KnownCommand } from '../wire/index.ts';
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
}

/** What the broker says to one producer of a connection. */
export interface ProducerEvents {
  receipt(command: CommandMap['sendReceipt']): void;
  sendError(command: CommandMap['sendError']): void;
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

  private constructor(options: ConnectionOptions) {
    this.url = options.url;
    this.#options = options;
    this.#requests = new Requests(options.operationTimeoutMs);
    this.#socket = connectSocket({ host: options.host, port: options.port, noDelay: true });
    this.#socket.on('connect', () => this.#hello());
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', (cause) =>
      this.#fail(new PulsarError('ConnectError', `connection to ${this.url} failed`, { cause })),
    );
    this.#socket.on('close', () => this.#fail(new PulsarError('ConnectError', `${this.url} closed the connection`)));
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

  /** Bytes that wait for the socket. */
  get writableLength(): number {
    return this.#socket.writableLength;
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

  /** Groups writes until `uncork`. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
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
        featureFlags: { supportsBrokerEntryMetadata: true, supportsAuthRefresh: true },
      },
    });
  }

  #read(chunk: Buffer): void {
    this.#heard = true;
    try {
      this.#parser.push(chunk);
      for (let frame = this.#parser.next(); frame !== undefined; frame = this.#parser.next()) {
        this.#handle(frame.command, frame.entry);
        if (this.closed) return;
      }
    } catch (cause) {
      const code = this.#ready === undefined ? 'ReadError' : 'ConnectError';
      this.#fail(new PulsarError(code, `${this.url} does not speak the Pulsar protocol`, { cause }));
    }
  }

  #handle(frame: BaseCommand, entry: Buffer | undefined): void {
    switch (frame.type) {
      case 'message':
        if (entry !== undefined) this.#consumers.get(frame.command.consumerId)?.message(frame.command, entry);
        return;
      case 'sendReceipt':
        return this.#producers.get(frame.command.producerId)?.receipt(frame.command);
      case 'sendError':
        return this.#producers.get(frame.command.producerId)?.sendError(frame.command);
      case 'connected':
        return this.#connected(frame.command);
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
        if (this.#ready === undefined) return this.#requests.refuse(frame.command);
        return this.#fail(
          brokerError(frame.command.error, frame.command.message, `${this.url} refused the connection`),
        );
      default:
        return this.#requests.answer(frame);
    }
  }

  #connected(command: CommandMap['connected']): void {
    clearTimeout(this.#handshakeTimer);
    if (command.maxMessageSize !== undefined && command.maxMessageSize > 0)
      this.#parser.setMaxMessageBytes(command.maxMessageSize);
    this.#maxMessageBytes = command.maxMessageSize ?? 5 * 1024 * 1024;
    this.#keepAlive = setInterval(() => this.#checkAlive(), this.#options.keepAliveIntervalMs);
    this.#keepAlive.unref();
    this.#ready?.resolve(this);
    this.#ready = undefined;
  }

  #checkAlive(): void {
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

  #mustBeOpen(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  #fail(error: PulsarError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    clearTimeout(this.#handshakeTimer);
    clearInterval(this.#keepAlive);
    this.#socket.destroy();
    if (error.code !== 'AlreadyClosed')
      this.#options.logger.warn({ reason: describeError(error) }, 'lost a connection to Pulsar');
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

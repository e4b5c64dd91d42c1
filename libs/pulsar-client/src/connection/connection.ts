import type { Socket } from 'node:net';
import { ByteWriter } from '@pharos/bytes';
import { describeError } from '@pharos/errors';
import { Deferred } from '@pharos/lifecycle';
import { asPulsarError, brokerError, PulsarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { PulsarMetrics } from '../metrics.ts';
import {
  type BaseCommand,
  type CommandMap,
  DEFAULT_MAX_MESSAGE_BYTES,
  encodeFrame,
  type Frame,
  FrameParser,
  type AuthData,
  type KnownCommand,
  migratedResource,
  serverError,
} from '../wire/index.ts';
import { type Access, ConnectionCredentials } from './access.ts';
import { Bound } from './bound.ts';
import { dial, type Dialled } from './dial.ts';
import type { ConsumerEvents, ProducerEvents } from './events.ts';
import { KeepAlive } from './keep-alive.ts';
import { type Move, moveOf } from './move.ts';
import { Requests, type ResponseCommand } from './requests.ts';
import type { ServiceAddress } from './service-url.ts';
import { tlsRemedy } from './tls-errors.ts';

const clientVersion = 'Pharos-0.1.0';
/** Version 21 of the protocol: the newest whose commands this client knows. */
const protocolVersion = 21;

export interface ConnectionOptions {
  readonly address: ServiceAddress;
  readonly access: Access;
  /** `host:port` of the broker behind a proxy. */
  readonly proxyToBroker?: string;
  readonly connectTimeoutMs: number;
  readonly operationTimeoutMs: number;
  readonly keepAliveIntervalMs: number;
  readonly logger: Logger;
  readonly metrics: PulsarMetrics;
}

/** One connection to a broker, shared by all that talk to it. Once closed it stays closed. */
export class Connection {
  readonly url: string;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #hint: string;
  readonly #parser = new FrameParser();
  readonly #requests: Requests;
  readonly #credentials: ConnectionCredentials;
  readonly #producers = new Map<number, ProducerEvents>();
  readonly #consumers = new Map<number, ConsumerEvents>();
  readonly #writer = new ByteWriter(1024);
  readonly #onClosed: ((connection: Connection) => void)[] = [];
  /** Until the broker has answered CONNECT. */
  #greeting = true;
  readonly #greeted = new Deferred();
  #maxMessageBytes = 0;
  #closed: PulsarError | undefined;
  readonly #keepAlive: KeepAlive;
  #spoken = false;
  readonly #pausing = new Set<object>();

  private constructor(
    options: ConnectionOptions,
    { socket, explain, hint }: Dialled,
    credentials: ConnectionCredentials,
  ) {
    this.url = options.address.url;
    this.#options = options;
    this.#credentials = credentials;
    this.#requests = new Requests(options.operationTimeoutMs);
    this.#socket = socket;
    this.#hint = hint;
    this.#keepAlive = this.#newKeepAlive();
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('drain', () => {
      for (const producer of [...this.#producers.values()]) producer.writable();
    });
    socket.on('error', (cause) => this.#fail(explain(cause)));
    socket.on('close', () => this.#fail(this.#closedByOther()));
    this.#greeted.promise.catch(() => undefined);
    if (socket.destroyed) this.#fail(this.#closedByOther());
  }

  /** Connects and shakes hands; `signal` calls it off. @throws PulsarError `ConnectError`, `Timeout`, `AuthenticationError` */
  static async open(options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
    const { address, access, connectTimeoutMs, metrics } = options;
    const credentials = new ConnectionCredentials(access.authentication);
    const text = `${address.url} did not answer as a Pulsar broker within ${connectTimeoutMs} ms`;
    const bound = new Bound(signal, connectTimeoutMs, new PulsarError('Timeout', text));
    try {
      const { data, certificate } = await bound.wait(credentials.fetch());
      const dialled = await dial({ address, tls: access.tls, certificate, signal: bound.signal });
      const connection = new Connection(options, dialled, credentials);
      await connection.#greet(data, bound);
      return connection;
    } catch (error) {
      metrics.connection?.('failed');
      throw error;
    } finally {
      bound.release();
    }
  }

  /** A proxy stands between. */
  get behindProxy(): boolean {
    return this.#options.proxyToBroker !== undefined;
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
    this.#keepAlive.resumed();
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
    const { command, response } = this.#requests.add(expected, what, build);
    this.send(command);
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

  async #greet({ authData }: AuthData, bound: Bound): Promise<void> {
    const { proxyToBroker } = this.#options;
    this.send({
      type: 'connect',
      command: {
        clientVersion,
        protocolVersion,
        authMethodName: this.#credentials.method,
        authData,
        ...(proxyToBroker === undefined ? {} : { proxyToBrokerUrl: proxyToBroker }),
        featureFlags: { supportsBrokerEntryMetadata: true, supportsAuthRefresh: true },
      },
    });
    try {
      this.#mustBeOpen();
      await bound.wait(this.#greeted.promise);
    } catch (error) {
      this.#fail(asPulsarError(error, 'ConnectError', this.url));
      throw error;
    }
  }

  #read(chunk: Buffer): void {
    this.#keepAlive.progressed();
    if (!this.#spoken) {
      this.#spoken = true;
      // The commonest wrong port is that of the admin API, whose answer would read as an absurd frame size.
      if (chunk.toString('latin1', 0, 5) === 'HTTP/') return this.#fail(this.#notPulsar('it answers HTTP'));
      // An alert of TLS.
      if (chunk[0] === 0x15 && chunk[1] === 0x03) return this.#fail(this.#notPulsar(`it speaks TLS; ${tlsRemedy}`));
    }
    this.#parser.push(chunk);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) this.#handle(frame.command, frame.entry);
  }

  #next(): Frame | undefined {
    if (this.closed) return undefined;
    try {
      return this.#parser.next();
    } catch (cause) {
      if (!this.#greeting) {
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
    this.#keepAlive.heard();
    if (this.#greeting) return this.#answerGreeting(frame);
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
        return this.#detach('producer', frame.command.producerId, moveOf(frame.command));
      case 'closeConsumer':
        return this.#detach('consumer', frame.command.consumerId, moveOf(frame.command));
      case 'topicMigrated':
        return this.#migrated(frame.command);
      case 'authChallenge':
        return this.#answerChallenge();
      case 'activeConsumerChange':
        return this.#consumers.get(frame.command.consumerId)?.activeChanged(frame.command.isActive ?? false);
      case 'reachedEndOfTopic':
        return this.#consumers.get(frame.command.consumerId)?.endOfTopic();
      case 'error':
        return this.#refused(frame.command);
      default:
        return this.#requests.answer(frame);
    }
  }

  /** What comes before CONNECTED. */
  #answerGreeting(frame: BaseCommand): void {
    switch (frame.type) {
      case 'connected':
        return this.#connected(frame.command);
      case 'error':
        return this.#fail(this.#brokerError(frame.command, `${this.url} refused the connection`));
      case 'authChallenge':
        return this.#answerChallenge();
      default:
        return this.#fail(this.#notPulsar(`it answered CONNECT with ${frame.type}`));
    }
  }

  #connected(command: CommandMap['connected']): void {
    if (command.maxMessageSize !== undefined && command.maxMessageSize > 0)
      this.#parser.setMaxMessageBytes(command.maxMessageSize);
    this.#maxMessageBytes = command.maxMessageSize ?? DEFAULT_MAX_MESSAGE_BYTES;
    this.#keepAlive.start();
    this.#options.metrics.connection?.('opened');
    this.#greeting = false;
    this.#greeted.resolve();
  }

  /** The broker wants to know who we are, mostly because what it was told expires: the connection goes on with fresh credentials. */
  #answerChallenge(): void {
    if (this.#credentials.none) {
      const text = `${this.url} asks for credentials, and there are none; give 'authentication'`;
      return this.#fail(new PulsarError('AuthenticationError', text));
    }
    this.#credentials.fetch().then(
      ({ data }) => this.send({ type: 'authResponse', command: { clientVersion, protocolVersion, response: data } }),
      (cause: unknown) =>
        this.#fail(new PulsarError('AuthenticationError', `${this.url} asks for fresh credentials`, { cause })),
    );
  }

  #refused(command: CommandMap['error']): void {
    // The broker speaks of the connection where it speaks of no request.
    if (!this.#requests.refuse(command) && command.error === serverError.AuthenticationError)
      this.#fail(this.#brokerError(command, `${this.url} refused the credentials`));
  }

  #brokerError(command: CommandMap['error'], what: string): PulsarError {
    const error = brokerError(command.error, this.#credentials.scrub(command.message), what);
    if (error.code !== 'AuthenticationError' || !this.#credentials.none) return error;
    return new PulsarError(error.code, `${error.message}; there are no credentials: set 'authentication'`);
  }

  #closedByOther(): PulsarError {
    const when = !this.#greeting ? '' : ` before it answered as a Pulsar broker${this.#hint}`;
    return new PulsarError('ConnectError', `${this.url} closed the connection${when}`);
  }

  #newKeepAlive(): KeepAlive {
    const { keepAliveIntervalMs: intervalMs } = this.#options;
    const silence = `${this.url} has not been heard of for ${intervalMs} ms`;
    const stuck = `a consumer was sent too much and takes nothing: what ${this.url} answers was not read for ${intervalMs} ms`;
    return new KeepAlive({
      intervalMs,
      isPaused: () => this.#pausing.size > 0,
      ping: () => this.send({ type: 'ping', command: {} }),
      silent: () => this.#fail(new PulsarError('ConnectError', silence)),
      isOwed: () => this.#requests.size > 0,
      stuck: () => this.#fail(new PulsarError('ConnectError', stuck)),
    });
  }

  #migrated(command: CommandMap['topicMigrated']): void {
    const { resourceId, resourceType, brokerServiceUrl: plainUrl, brokerServiceUrlTls: tlsUrl } = command;
    const owners = resourceType === migratedResource.producer ? this.#producers : this.#consumers;
    // The broker closes it next.
    owners.get(resourceId)?.moved({ to: 'cluster', plainUrl, tlsUrl });
  }

  #detach(kind: 'producer' | 'consumer', id: number, move: Move | undefined): void {
    const owners = kind === 'producer' ? this.#producers : this.#consumers;
    const owner = owners.get(id);
    owners.delete(id);
    const error = new PulsarError('NotConnected', `the broker closed the ${kind} (its topic moves)`);
    if (move !== undefined) owner?.moved(move);
    this.#requests.failOf(kind, id, error);
    owner?.detached(error);
  }

  #tell(error: PulsarError): void {
    // One that never was is told of by whoever asked for it.
    if (this.#greeting) return;
    this.#options.metrics.connection?.('closed');
    if (error.code === 'AlreadyClosed') return;
    this.#options.logger.warn({ broker: this.url, reason: describeError(error) }, 'lost a connection to Pulsar');
  }

  #mustBeOpen(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  #fail(error: PulsarError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#keepAlive.stop();
    this.#socket.destroy();
    this.#tell(error);
    this.#greeting = false;
    this.#greeted.reject(error);
    this.#requests.failAll(error);
    const attached = [...this.#producers.values(), ...this.#consumers.values()];
    this.#producers.clear();
    this.#consumers.clear();
    for (const callback of this.#onClosed.splice(0)) callback(this);
    for (const one of attached) one.detached(error);
  }
}

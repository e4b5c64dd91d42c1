import { randomUUID } from 'node:crypto';

import {
  classifyPayload,
  type ClientInfo,
  type Codec,
  type Command,
  type ConnectRequest,
  type ConnectResult,
  type DisconnectCode,
  disconnectCodes,
  type Encoding,
  type ErrorCode,
  errorCodes,
  ProtocolError,
  type Push,
  type RawData,
  type Reply,
  type UnsubscribeCode,
  unsubscribeCodes,
} from '@pharos/client-protocol';
import type { Namespace } from '@pharos/channels';
import type { Socket } from '@pharos/socket-server';

import type { Subscriber } from '../outbound/subscriber.ts';
import type { RevocableToken } from '@pharos/control';
import { CommandQueue } from './command-queue.ts';
import { dispatch } from './commands/dispatch.ts';
import { disconnectFor } from './commands/refusals.ts';
import { CommandRates } from './command-rates.ts';
import type { DrainableSession, SessionContext } from './context.ts';
import { type Grant, plainGrant } from './grant.ts';
import { HeldGrants } from './held-grants.ts';
import { Holder } from './holder.ts';
import { NamespaceRates } from './namespace-rates.ts';
import type { PingedSession } from './liveness.ts';
import { PendingSubscribe, SubscriptionSet } from './subscription-set.ts';

/** Commands of one connection that wait for something outside this process; one more is refused with error 111. */
const maxUnderWay = 256;

/**
 * A client that speaks the Centrifuge protocol: what it is, what it is subscribed to, and how it is answered. What its
 * commands mean is in `commands/`.
 */
export class ClientSession implements Subscriber, PingedSession, DrainableSession {
  readonly codec: Codec;
  readonly id: string = randomUUID();
  readonly context: SessionContext;
  readonly subscriptions: SubscriptionSet = new SubscriptionSet();
  /** Whose it is. */
  readonly holder: Holder;
  pongDue = false;
  #socket: Socket<ClientSession> | undefined;
  #state: 'fresh' | 'authenticating' | 'connected' | 'leaving' | 'closed' = 'fresh';
  /** What subscriptions were given with, where that is anything. */
  #held: HeldGrants | undefined;
  /** Made with the first command that has to wait for one before it. */
  #queue: CommandQueue | undefined;
  /** Commands that the backend is being asked about. */
  #asked = 0;
  #slot = -1;
  #underWay = 0;
  readonly #rates: CommandRates | undefined;
  /** Made with the first command that a namespace may limit. */
  #namespaceRates: NamespaceRates | undefined;

  constructor(context: SessionContext, codec: Codec, headers?: ReadonlyMap<string, string>) {
    this.context = context;
    this.codec = codec;
    this.holder = new Holder(this, headers);
    this.#rates = CommandRates.of(context.limits);
  }

  get variant(): Encoding {
    return this.codec.encoding;
  }

  get socket(): Socket<unknown> {
    return this.#socket as Socket<ClientSession>;
  }

  /** As others see it: in presence, joins and leaves. */
  get info(): ClientInfo {
    const { user, info } = this.holder;
    return info === undefined ? { client: this.id, user } : { client: this.id, user, connInfo: info };
  }

  /** Empty: anonymous. */
  get user(): string {
    return this.holder.user;
  }

  /** What it was let in with, where that was a token. */
  get token(): RevocableToken | undefined {
    return this.holder.token;
  }

  /** Nothing came yet. */
  get awaitsConnect(): boolean {
    return this.#state === 'fresh';
  }

  get fresh(): boolean {
    return this.#state === 'fresh' || this.#state === 'authenticating';
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  opened(socket: Socket<ClientSession>): void {
    this.#socket = socket;
    this.context.sessions.add(this);
    this.#slot = this.context.liveness.arrived(this);
  }

  /** The first command was accepted. */
  connected(): void {
    this.context.liveness.remove(this, this.#slot);
    this.#state = 'connected';
    this.context.metrics.connects.inc({ outcome: 'ok' });
    this.#slot = this.context.liveness.add(this);
  }

  /** Looks at who the client is; what it sends meanwhile waits. */
  authenticating(work: () => Promise<void>): void {
    this.#state = 'authenticating';
    work()
      .catch((error: unknown) => {
        this.context.logger.error({ err: error, client: this.id }, 'a connect failed unexpectedly');
        this.disconnect(disconnectCodes.serverError);
      })
      .finally(() => {
        // Refused, and free to try again.
        if (this.#state === 'authenticating') this.#state = 'fresh';
        this.#dispatchWaiting();
      });
  }

  /** The server prolongs it, or changes what others see of it from now on; the client is told. */
  refreshed(expireAt: number | undefined, info: RawData | undefined): void {
    if (this.closed) return;
    this.holder.change({
      ...(expireAt === undefined ? {} : { expireAt }),
      ...(info === undefined ? {} : { info }),
    });
    if (this.#state !== 'authenticating') this.push({ kind: 'refresh', refresh: this.holder.validity });
  }

  /** Bytes from the backend, which may be any, as this client can be sent them. */
  readable(data: RawData | undefined): RawData | undefined {
    return data === undefined || this.codec.binary ? data : classifyPayload(Buffer.from(data)).json;
  }

  /** What a subscription was given with, until when. */
  hold(channel: string, grant: Grant): void {
    if (grant === plainGrant && this.#held === undefined) return;
    this.#held ??= new HeldGrants(this);
    this.#held.set(channel, grant);
  }

  /** What others see with the subscription: JSON. */
  channelInfo(channel: string): RawData | undefined {
    return this.#held?.get(channel)?.info;
  }

  /** What a subscription was given with, where that is anything. */
  grantOf(channel: string): Grant | undefined {
    return this.#held?.get(channel);
  }

  /** Whether the client was told that the subscription ends. */
  isToRefresh(channel: string): boolean {
    return this.#held?.isToRefresh(channel) === true;
  }

  /** One frame from the client: one command or several, or the answer to a ping. */
  message(frame: Buffer, isBinary: boolean): void {
    this.context.metrics.messagesReceived.inc({ transport: this.context.carrier.transport });
    if (isBinary !== this.codec.binary) return this.disconnect(disconnectCodes.badRequest);
    let commands: readonly Command[];
    try {
      commands = this.codec.decodeCommands(frame, { maxCommands: this.context.limits.frameCommands });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.context.logger.debug(
        { client: this.id, reason: error.message },
        'a client sent a frame that is not of the protocol',
      );
      return this.disconnect(disconnectCodes.badRequest);
    }
    this.#dispatch(commands);
  }

  /** The first command of a client that sends no other. */
  connectBy(request: ConnectRequest): void {
    this.context.metrics.messagesReceived.inc({ transport: this.context.carrier.transport });
    this.#dispatch([{ method: 'connect', id: 1, request }]);
  }

  #dispatch(commands: readonly Command[]): void {
    for (const command of commands) {
      if (this.closed) return;
      if (!this.#withinRate(command)) continue;
      if (command.method === 'pong') dispatch(this, command);
      else if (this.#isHeldUp) this.#wait(command);
      else if (this.#state !== 'leaving') dispatch(this, command);
    }
  }

  /** Whether commands wait for one before them. */
  get #isHeldUp(): boolean {
    return this.#state === 'authenticating' || this.#asked >= this.context.limits.backendConcurrency;
  }

  #dispatchWaiting(): void {
    while (!this.closed && !this.#isHeldUp) {
      const command = this.#queue?.take();
      if (command === undefined) return;
      if (this.#state !== 'leaving') dispatch(this, command);
    }
  }

  /** Refuses what is too much. The first command and the answers to pings don't count: they are bounded anyway. */
  #withinRate(command: Command): boolean {
    if (this.#rates === undefined || this.fresh || command.method === 'pong') return true;
    if (this.#rates.take(command.method)) return true;
    if (command.method === 'send') this.disconnect(disconnectCodes.tooManyRequests);
    else this.replyError(command.id, errorCodes.tooManyRequests);
    return false;
  }

  /** Whether its namespace takes it; where it is one too many, it is answered so. */
  isWithinRate(id: number, kind: 'publish' | 'subscribe', namespace: Namespace): boolean {
    if (namespace.options[`${kind}_rate_limit`] === undefined) return true;
    this.#namespaceRates ??= new NamespaceRates();
    if (this.#namespaceRates.take(kind, namespace)) return true;
    this.replyError(id, errorCodes.tooManyRequests);
    return false;
  }

  #wait(command: Command): void {
    const { channelLimit, queueBytes } = this.context.limits;
    // All its subscriptions may come behind the first command.
    this.#queue ??= new CommandQueue(maxUnderWay + channelLimit, queueBytes);
    if (this.#queue.put(command)) return;
    // Nobody knows yet who it is, or it can't be told.
    if (this.fresh || command.method === 'pong' || command.method === 'send')
      this.disconnect(disconnectCodes.badRequest);
    else this.replyError(command.id, errorCodes.tooManyRequests);
  }

  onClosed(): void {
    this.#state = 'closed';
    this.context.liveness.remove(this, this.#slot);
    this.context.sessions.delete(this);
    this.context.carrier.emulated?.remove(this);
    this.holder.left();
    this.#held?.clear();
    this.#queue?.clear();
    for (const entry of this.subscriptions.clear()) {
      if (!(entry instanceof PendingSubscribe)) entry.channel.feed.leave(entry);
    }
  }

  reply(reply: Reply): void {
    this.#send(this.codec.encodeReply(reply));
  }

  /** What the client connected to. */
  welcome(id: number, result: ConnectResult): void {
    if (this.context.carrier.oneWay) this.push({ kind: 'connect', connect: result });
    else this.reply({ method: 'connect', id, result });
  }

  replyError(id: number, error: ErrorCode): void {
    const { oneWay } = this.context.carrier;
    this.context.metrics.commandFailed(error.code, this.fresh && !oneWay);
    // All that it could do about it is to come back.
    if (oneWay) return this.disconnect(disconnectFor(error));
    this.reply({ method: 'error', id, error });
  }

  /** Takes the session out of a channel; `false` where it isn't in. A subscribe that still waits for its lane is called off, and answered so. */
  leave(channel: string): boolean {
    const entry = this.subscriptions.get(channel);
    if (entry === undefined) return false;
    this.subscriptions.delete(channel);
    this.#held?.delete(channel);
    if (entry instanceof PendingSubscribe) {
      // By the server's doing: nobody asked.
      if (entry.commandId !== 0) this.replyError(entry.commandId, errorCodes.internal);
    } else entry.channel.feed.leave(entry);
    return true;
  }

  /** Runs a command that waits for something outside the process; refuses it where too many do. */
  waitFor(id: number, work: () => Promise<void>): void {
    if (this.#underWay >= maxUnderWay) return this.replyError(id, errorCodes.tooManyRequests);
    this.#underWay++;
    work()
      .catch((error: unknown) => {
        this.context.logger.error({ err: error, client: this.id }, 'a command failed unexpectedly');
        this.replyError(id, errorCodes.internal);
      })
      .finally(() => {
        this.#underWay--;
        if (this.#state === 'leaving' && this.#underWay === 0) this.shutdownNow();
      });
  }

  /**
   * The same for a command that the application's backend is asked about. Commands that come after it wait until `next` is called, or it is
   * over, so that they are carried out in their order: more than one at a time only where the limits say so.
   */
  askBackend(id: number, work: (next: () => void) => Promise<void>): void {
    this.waitFor(id, async () => {
      let isAsked = true;
      this.#asked++;
      const next = (): void => {
        if (!isAsked) return;
        isAsked = false;
        this.#asked--;
        this.#dispatchWaiting();
      };
      try {
        await work(next);
      } finally {
        next();
      }
    });
  }

  disconnect(code: DisconnectCode): void {
    if (this.closed) return;
    if (this.fresh) this.context.metrics.connectEnded(code.code);
    this.#state = 'closed';
    this.socket.end(code.code, code.reason);
  }

  shutdown(): void {
    if (this.closed) return;
    if (this.#underWay === 0) this.shutdownNow();
    else this.#state = 'leaving';
  }

  shutdownNow(): void {
    this.disconnect(disconnectCodes.shutdown);
  }

  disconnectSlow(): void {
    if (this.closed) return;
    this.context.metrics.slowConnections.inc({ transport: this.context.carrier.transport });
    this.disconnect(disconnectCodes.slow);
  }

  insufficientState(channel: string): void {
    // What the server subscribed it to it can't subscribe to anew but by coming back.
    if (this.#held?.get(channel)?.serverSide === true) return this.disconnect(disconnectCodes.insufficientState);
    this.unsubscribed(channel, unsubscribeCodes.insufficientState);
  }

  /** Takes it out of a channel, and tells it so. */
  unsubscribed(channel: string, { code, reason }: UnsubscribeCode): void {
    if (this.leave(channel)) this.push({ kind: 'unsubscribe', channel, unsubscribe: { code, reason } });
  }

  push(push: Push): void {
    this.#send(this.codec.encodePush(push));
  }

  ping(): void {
    this.pongDue = !this.context.carrier.oneWay;
    this.#send(this.codec.serverPing);
  }

  pong(): void {
    this.pongDue = false;
  }

  noPong(): void {
    this.disconnect(disconnectCodes.noPong);
  }

  stale(): void {
    this.disconnect(disconnectCodes.stale);
  }

  /** Sends an encoded reply or push. A client that asks much and reads nothing is slow too. */
  #send(frame: Buffer): void {
    if (this.closed) return;
    this.socket.send(frame, this.codec.binary);
    if (this.socket.bufferedAmount() > this.context.limits.queueBytes) this.disconnectSlow();
  }
}

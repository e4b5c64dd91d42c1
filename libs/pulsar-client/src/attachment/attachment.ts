import { describeError } from '@pharos/errors';
import { type Backoff, Deferred, withDeadline } from '@pharos/lifecycle';
import type { ClientCore, Route } from '../client-core.ts';
import type { Connection } from '../connection/connection.ts';
import type { Move } from '../connection/move.ts';
import { asPulsarError, PulsarError, type PulsarErrorCode } from '../errors.ts';

export interface AttachmentParts {
  readonly kind: 'producer' | 'consumer';
  /** For messages: `producer 'x' of persistent://…`. */
  readonly name: string;
  /** Full name, plain or a partition. */
  readonly topic: string;
  /** Registers with the connection, asks the broker, and resolves when it agreed. */
  attach(connection: Connection): Promise<void>;
  /** Takes back what `attach` did or may have done. */
  release(connection: Connection): void;
  /** Attached, for the first time or again. */
  attached(connection: Connection): void;
  /** No more attached; it is being tried again. */
  lost(error: PulsarError): void;
  /** Attaching again failed; it is being tried again. */
  refused?(error: PulsarError): void;
  /** No more attached, and trying again can't help. */
  failed(error: PulsarError): void;
}

/** Where asking the broker again can't change the answer. */
const final: ReadonlySet<PulsarErrorCode> = new Set<PulsarErrorCode>([
  'InvalidConfiguration',
  'InvalidUrl',
  'InvalidTopicName',
  'AuthorizationError',
  'OperationNotSupported',
  'NotAllowedError',
  'TopicNotFound',
  'TopicTerminated',
  'ProducerFenced',
  'IncompatibleSchema',
  'UnsupportedVersionError',
  'AlreadyClosed',
]);

/** Whoever was attached for so long had a working broker, and may go back at once: else it backs off. */
const settledMs = 1000;

/**
 * Keeps one producer or consumer attached to its topic: finds the broker, attaches, and does so again whenever the
 * broker or the connection lets go of it. The first time has a deadline and gives up where somebody else has the name or
 * the subscription; later times go on until they succeed, because that somebody is most likely our own former self that
 * the broker hasn't missed yet.
 */
export class Attachment {
  readonly #core: ClientCore;
  readonly #parts: AttachmentParts;
  readonly #backoff: Backoff;
  /** Where it is attached, or is being attached to. */
  #connection: Connection | undefined;
  #attached = false;
  /** Set where the connection let go of it while it was being attached. */
  #lostMeanwhile: PulsarError | undefined;
  /** The broker may have done what it was asked for by a connection that was lost before the answer. */
  #unanswered = false;
  #attachedAt = 0;
  /** Where to attach next: any broker is asked where nobody said. */
  #route: Route = {};
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  /** While `start` is under way. */
  #starting: Deferred | undefined;
  /** While somebody waits for it to be attached again. */
  #awaited: Deferred | undefined;

  constructor(core: ClientCore, parts: AttachmentParts) {
    this.#core = core;
    this.#parts = parts;
    this.#backoff = core.newBackoff();
  }

  /** `undefined` while it isn't attached. */
  get connection(): Connection | undefined {
    return this.#attached ? this.#connection : undefined;
  }

  /** Attaches for the first time. @throws PulsarError why not, at the latest when the operation timeout is over */
  start(): Promise<void> {
    const outcome = new Deferred();
    this.#starting = outcome;
    const { operationTimeoutMs } = this.#core;
    const deadline = performance.now() + operationTimeoutMs;
    let last: PulsarError | undefined;
    const timer = setTimeout(() => {
      outcome.reject(last ?? this.#core.noAnswer(this.#parts.name));
      this.stop();
    }, operationTimeoutMs);
    const attempt = async (): Promise<void> => {
      const error = await this.#attempt();
      if (this.#stopped) return;
      if (error === undefined) return outcome.resolve();
      last = error;
      const delayMs = this.#backoff.next();
      const ownFormerSelf = taken.has(error.code) && this.#unanswered;
      if ((!worthRetrying(error) && !ownFormerSelf) || performance.now() + delayMs > deadline) {
        outcome.reject(error);
        this.stop();
        return;
      }
      this.#core.logger.warn({ reason: describeError(error), delayMs }, `${this.#parts.name} has no broker yet`);
      this.#timer = setTimeout(run, delayMs);
    };
    // `attempt` settles `outcome` and never rejects; a defect in it must not go unheard.
    const run = (): void => void attempt().catch((error: unknown) => outcome.reject(error));
    run();
    return outcome.promise.finally(() => {
      this.#starting = undefined;
      clearTimeout(timer);
    });
  }

  /** To be called when the connection or the broker let go of it, or when it is to begin anew for another reason. */
  detached(error: PulsarError): void {
    if (this.#stopped) return;
    if (!this.#attached) {
      this.#lostMeanwhile = error;
      return;
    }
    this.#attached = false;
    this.#core.logger.info({ reason: describeError(error) }, `${this.#parts.name} lost its broker`);
    this.#parts.lost(error);
    const settled = performance.now() - this.#attachedAt >= settledMs;
    if (settled) this.#backoff.reset();
    this.#again(settled ? 0 : this.#backoff.next());
  }

  /** The broker lets go of it next because it is asked to, which is no reason to back off. */
  willBeLetGo(): void {
    this.#attachedAt = -settledMs;
  }

  /** To be called before `detached`, where the broker says where to go on. False where that can't be gone to. */
  moved(to: Move): boolean {
    const connection = this.#connection;
    const route = connection && this.#core.routeOf(to, connection, this.#route);
    const { plainUrl, tlsUrl } = to;
    if (route !== undefined) this.#route = route;
    // TLS is not given up because a broker says so.
    else this.#core.logger.warn({ plainUrl, tlsUrl }, `${this.#parts.name} is sent to where it can't go`);
    return route !== undefined;
  }

  /** Resolves when it is attached (again). @throws PulsarError why it can't be, or `Timeout` once the operation timeout is over */
  async whenAttached(): Promise<void> {
    if (this.#attached) return;
    const { operationTimeoutMs } = this.#core;
    this.#awaited ??= new Deferred();
    try {
      await withDeadline(this.#awaited.promise, operationTimeoutMs, `${this.#parts.name} to be back`);
    } catch (error) {
      throw asPulsarError(error, 'Timeout', this.#parts.name);
    }
  }

  /** Lets go where it is attached, and attaches anew. */
  restart(error: PulsarError): void {
    const connection = this.connection;
    if (connection !== undefined) this.#parts.release(connection);
    this.detached(error);
  }

  /** Ends it, without a word to the broker; returns where it was attached. */
  stop(): Connection | undefined {
    const connection = this.connection;
    this.#stopped = true;
    this.#attached = false;
    clearTimeout(this.#timer);
    const reason = new PulsarError('AlreadyClosed', `${this.#parts.name} was closed before it was ready`);
    this.#starting?.reject(reason);
    this.#awaited?.reject(reason);
    return connection;
  }

  #again(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#reattach().catch((error: unknown) =>
        this.#core.logger.error({ err: error }, `${this.#parts.name}: defect`),
      );
    }, delayMs);
  }

  async #reattach(): Promise<void> {
    const error = await this.#attempt();
    if (this.#stopped) return;
    if (error === undefined) {
      this.#core.metrics.reattached?.(this.#parts.kind);
      this.#core.logger.info({}, `${this.#parts.name} is back`);
      return;
    }
    if (final.has(error.code)) {
      this.#awaited?.reject(error);
      this.stop();
      // Whoever only has a listener hears of it nowhere else.
      this.#core.logger.error(
        { reason: describeError(error) },
        `${this.#parts.name} is over: trying again can not help`,
      );
      this.#parts.failed(error);
      return;
    }
    const delayMs = this.#backoff.next();
    this.#core.logger.warn({ reason: describeError(error), delayMs }, `${this.#parts.name} has no broker yet`);
    this.#parts.refused?.(error);
    this.#again(delayMs);
  }

  /** Says why it failed. */
  async #attempt(): Promise<PulsarError | undefined> {
    this.#lostMeanwhile = undefined;
    this.#connection = undefined;
    try {
      const route = this.#route;
      // The broker that was named may be gone when it has been tried once; the cluster stays.
      this.#route = { service: route.service };
      const connection = await this.#core.connectionFor(this.#parts.topic, route);
      if (this.#stopped) return undefined;
      this.#connection = connection;
      await this.#parts.attach(connection);
    } catch (error) {
      if (this.#connection?.closed === true) this.#unanswered = true;
      // The broker may yet do what it didn't answer in time.
      else if (this.#connection !== undefined) this.#parts.release(this.#connection);
      return error instanceof PulsarError
        ? error
        : new PulsarError('UnknownError', `${this.#parts.name}: ${describeError(error)}`, { cause: error });
    }
    return this.#settle(this.#connection);
  }

  #settle(connection: Connection): PulsarError | undefined {
    if (this.#stopped) {
      if (!connection.closed) this.#parts.release(connection);
      return undefined;
    }
    if (this.#lostMeanwhile !== undefined) {
      if (!connection.closed) this.#parts.release(connection);
      return this.#lostMeanwhile;
    }
    this.#attached = true;
    this.#attachedAt = performance.now();
    this.#parts.attached(connection);
    this.#awaited?.resolve();
    this.#awaited = undefined;
    return undefined;
  }
}

/** Where somebody else has what is asked for: the name, the subscription, or a range of keys. */
const taken: ReadonlySet<PulsarErrorCode> = new Set<PulsarErrorCode>([
  'ConsumerBusy',
  'ProducerBusy',
  'ConsumerAssignError',
]);

function worthRetrying(error: PulsarError): boolean {
  return error.retryable && !taken.has(error.code) && !final.has(error.code);
}

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { type Bus, type WorkMessage, type WorkSubscription } from '@pharos/bus';
import { errorCodes } from '@pharos/client-protocol';
import { Backoff, Deferred, type Service } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

import { toApiError } from '../api-error.ts';
import type { Api, Caller } from '../api.ts';
import type { Scope } from '../keys.ts';
import type { ApiMetrics } from '../metrics.ts';
import { decodeCommand } from './command.ts';
import type { DeadLetters } from './dead-letters.ts';
import { type Failure, failureFrom, failureOf } from './failure.ts';

export interface CommandConsumerOptions {
  readonly bus: Bus;
  /** Full name of the topic. */
  readonly topic: string;
  readonly subscription: string;
  /** What whoever may write to the topic may do. */
  readonly scopes: readonly Scope[];
  /** Commands that are worked on, or wait for one before them, at the same time. */
  readonly maxUnderWay: number;
  /** Tries of one command before it is a dead letter. */
  readonly maxAttempts: number;
  readonly deadLetters: DeadLetters;
  readonly api: () => Api;
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  /** The pause after the first try that failed, which then doubles. @default 500 */
  readonly retryMs?: number;
}

const maxRetryMs = 30_000;

/**
 * Does the commands that lie on a topic. A command is acknowledged when it is done, or lies among the dead letters: whatever happens
 * to a process, each is done, and what is published is published once, under a key made of the command's place.
 *
 * Commands with the same message key are done one after another by a process, in their order; others at the same time.
 */
export class CommandConsumer implements Service {
  readonly #options: CommandConsumerOptions;
  readonly #caller: Caller;
  readonly #keyPrefix: string;
  readonly #underWay = new Set<Promise<void>>();
  /** The last command of each message key that is under way. */
  readonly #last = new Map<string, Promise<void>>();
  readonly #ending = new AbortController();
  #subscription: WorkSubscription | undefined;
  #room: Deferred | undefined;
  #loop: Promise<unknown> = Promise.resolve();

  constructor(options: CommandConsumerOptions) {
    this.#options = options;
    const { topic, scopes } = options;
    this.#caller = { holder: { name: 'commands.topic', scopes }, address: topic };
    this.#keyPrefix = `command-${createHash('sha256').update(topic).digest('hex').slice(0, 16)}`;
  }

  /** Begins; a topic that isn't there yet is waited for. */
  run(): Promise<void> {
    this.#loop = Promise.all([this.#follow(), this.#openDeadLetters()]);
    return Promise.resolve();
  }

  /** Takes no more, and finishes what is under way; what waits for its next try is left to others. */
  async drain(): Promise<void> {
    this.#ending.abort();
    this.#room?.resolve();
    await Promise.all(this.#underWay);
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    this.#room?.resolve();
    await this.#subscription?.close();
    await this.#loop;
  }

  /** A call, since it changes while something is waited for. */
  #isEnding(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Never rejects: what is wrong with it is told now, and it is tried again when it is needed. */
  async #openDeadLetters(): Promise<void> {
    const { deadLetters, logger } = this.#options;
    try {
      await deadLetters.open();
    } catch (error) {
      if (this.#isEnding()) return;
      logger.warn({ err: error, topic: deadLetters.topic }, 'the dead letter topic of commands can not be opened');
    }
  }

  async #follow(): Promise<void> {
    const { bus, topic, subscription, logger } = this.#options;
    const backoff = new Backoff({ initialMs: 500, maxMs: maxRetryMs });
    while (!this.#isEnding()) {
      try {
        const opened = await bus.subscribeWork({ topic, subscription, type: 'shared' });
        this.#subscription = opened;
        logger.info({ topic, subscription }, 'commands are taken from a topic');
        backoff.reset();
        await this.#receive(opened);
      } catch (error) {
        if (this.#isEnding()) return;
        const delayMs = backoff.next();
        logger.error({ err: error, topic, delayMs }, 'commands can not be taken from their topic; it is tried again');
        await this.#subscription?.close().catch(() => undefined);
        await delay(delayMs, undefined, { signal: this.#ending.signal }).catch(() => undefined);
      }
    }
  }

  async #receive(subscription: WorkSubscription): Promise<void> {
    const { maxUnderWay, metrics } = this.#options;
    while (!this.#isEnding()) {
      if (this.#underWay.size >= maxUnderWay) {
        this.#room = new Deferred();
        await this.#room.promise;
        continue;
      }
      const message = await subscription.receive();
      if (this.#isEnding()) return;
      const done = this.#inOrder(subscription, message).finally(() => {
        this.#underWay.delete(done);
        metrics.commandsUnderWay.set(this.#underWay.size);
        this.#room?.resolve();
      });
      this.#underWay.add(done);
      metrics.commandsUnderWay.set(this.#underWay.size);
    }
  }

  /** Never rejects. */
  async #inOrder(subscription: WorkSubscription, message: WorkMessage): Promise<void> {
    const { key } = message;
    if (key === undefined) return this.#work(subscription, message);
    const before = this.#last.get(key) ?? Promise.resolve();
    const done = before.then(() => this.#work(subscription, message));
    this.#last.set(key, done);
    await done;
    if (this.#last.get(key) === done) this.#last.delete(key);
  }

  /** Never rejects: what can't be settled stays unacknowledged, and comes again. */
  async #work(subscription: WorkSubscription, message: WorkMessage): Promise<void> {
    const { logger, metrics, maxAttempts, retryMs: initialMs = 500 } = this.#options;
    const backoff = new Backoff({ initialMs, maxMs: maxRetryMs });
    try {
      for (let attempt = 1; !this.#isEnding(); attempt++) {
        const failure = await this.#attempt(message);
        if (failure === undefined) {
          await subscription.ack(message);
          metrics.commands.inc({ outcome: 'done' });
          metrics.commandSeconds.observe(Math.max(0, Date.now() - message.publishTimeMs) / 1000);
          return;
        }
        if (!failure.retryable || attempt >= maxAttempts)
          return await this.#bury(subscription, message, failure, attempt);
        metrics.commands.inc({ outcome: 'retried' });
        await this.#pause(backoff);
      }
    } catch (error) {
      const { position, lane } = message;
      logger.warn(
        { err: error, lane, position },
        'a command could not be acknowledged: it comes again, and is not done twice',
      );
    }
  }

  /** Never rejects; says why it isn't done. */
  async #attempt(message: WorkMessage): Promise<Failure | undefined> {
    try {
      const { method, request } = decodeCommand(message.data);
      const { properties } = message;
      const trace = { traceparent: properties.get('traceparent'), tracestate: properties.get('tracestate') };
      const keyIfNone = `${this.#keyPrefix}-${message.lane}-${message.position}`;
      return failureOf(method, await this.#options.api().run(method, request, { ...this.#caller, keyIfNone, trace }));
    } catch (error) {
      const known = toApiError(error);
      if (known !== undefined) return failureFrom(known);
      this.#options.logger.error({ err: error }, 'a command failed unexpectedly');
      return { retryable: true, code: errorCodes.internal.code, reason: errorCodes.internal.message };
    }
  }

  /** A command that can't be done is acknowledged once it lies among the dead letters. */
  async #bury(subscription: WorkSubscription, message: WorkMessage, failure: Failure, attempts: number): Promise<void> {
    const { deadLetters, logger, metrics } = this.#options;
    const backoff = new Backoff({ initialMs: 500, maxMs: maxRetryMs });
    const { position, lane } = message;
    for (;;) {
      try {
        await deadLetters.add(message, failure, attempts);
        break;
      } catch (error) {
        if (this.#isEnding()) return;
        logger.error(
          { err: error, topic: deadLetters.topic },
          'a command could not be laid among the dead letters; it is tried again',
        );
        await this.#pause(backoff);
      }
    }
    await subscription.ack(message);
    metrics.commands.inc({ outcome: 'dead_letter' });
    const { code, reason } = failure;
    logger.warn(
      { code, reason, lane, position, attempts },
      'a command can not be done; it lies among the dead letters',
    );
  }

  async #pause(backoff: Backoff): Promise<void> {
    await delay(backoff.next(), undefined, { signal: this.#ending.signal }).catch(() => undefined);
  }
}

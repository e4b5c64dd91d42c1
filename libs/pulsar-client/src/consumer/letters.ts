import { describeError } from '@pharos/errors';
import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import { maxTimerMs } from '../options.ts';
import type { ForwardedMessage } from '../producer/outgoing.ts';
import type { LetterSettings } from './dead-letter-policy.ts';
import { LetterProducer } from './letter-producer.ts';
import type { Message } from './message.ts';
import { ReceivedMessage } from './received-message.ts';

/** Dead letters under way: their entries are kept in memory. What is beyond it comes again later. */
const maxUnderWay = 1000;

/** Names of properties, as the Java client has them. */
const reconsumeTimes = 'RECONSUMETIMES';
const delayTime = 'DELAY_TIME';

export interface LettersParts {
  readonly subscription: string;
  readonly settings: LetterSettings;
  readonly acknowledge: (message: Message) => Promise<null>;
  /** Has the message come again. */
  readonly refuse: (message: Message) => void;
}

/** Passes messages on to the dead letter and retry topics; each is acknowledged once the broker has its copy. */
export class Letters {
  readonly #core: ClientCore;
  readonly #parts: LettersParts;
  readonly #deadLetters: LetterProducer;
  readonly #retries: LetterProducer | undefined;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  constructor(core: ClientCore, parts: LettersParts) {
    const { deadLetterTopic, retryLetterTopic, initialSubscriptionName } = parts.settings;
    this.#core = core;
    this.#parts = parts;
    this.#deadLetters = new LetterProducer(core, deadLetterTopic, initialSubscriptionName);
    if (retryLetterTopic !== undefined) this.#retries = new LetterProducer(core, retryLetterTopic);
  }

  /** Whether a message came again too often, and is not for the application any more. */
  readonly divert = (message: Message): boolean => {
    if (message.getRedeliveryCount() <= this.#parts.settings.maxRedeliverCount) return false;
    if (this.#closed) return true;
    if (this.#underWay.size >= maxUnderWay) this.#parts.refuse(message);
    else this.#track(this.#bury(message));
    return true;
  };

  /**
   * Puts a message off; as a dead letter where that was done as often as it may be.
   * @param delayMs milliseconds from now
   * @throws PulsarError
   */
  async putOff(message: Message, delayMs: number, own: Readonly<Record<string, string>>): Promise<null> {
    const { maxRedeliverCount } = this.#parts.settings;
    const delayed = Number.isSafeInteger(delayMs) && delayMs >= 0 && delayMs <= maxTimerMs;
    if (!delayed) throw new PulsarError('InvalidConfiguration', `reconsumeLater: a delay of ${delayMs} ms`);
    if (this.#retries === undefined) throw notEnabled();
    const properties = { ...this.#propertiesOf(message), ...own };
    const times = Number.parseInt(properties[reconsumeTimes] ?? '0', 10);
    const next = Number.isNaN(times) ? 1 : times + 1;
    const all = { ...properties, [reconsumeTimes]: String(next), [delayTime]: String(delayMs) };
    const letter = letterOf(message, all);
    const sending =
      next > maxRedeliverCount
        ? this.#sendDead(letter)
        : this.#retries.send(delayMs > 0 ? { ...letter, deliverAfter: delayMs } : letter);
    const done = sending.then(() => this.#parts.acknowledge(message));
    this.#track(done);
    return done;
  }

  /** Waits for what is under way, and closes. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
    await Promise.all([this.#deadLetters.close(), this.#retries?.close()]);
  }

  async #bury(message: Message): Promise<void> {
    const { settings, acknowledge, refuse } = this.#parts;
    try {
      await this.#sendDead(letterOf(message, this.#propertiesOf(message)));
      await acknowledge(message);
    } catch (error) {
      const where = { topic: settings.deadLetterTopic, message: message.getMessageId().toString() };
      this.#core.logger.error(
        { ...where, reason: describeError(error) },
        'a dead letter was not taken; it comes again',
      );
      if (!this.#closed) refuse(message);
    }
  }

  async #sendDead(letter: ForwardedMessage): Promise<void> {
    try {
      await this.#deadLetters.send(letter);
      this.#core.metrics.deadLetter?.('sent');
    } catch (error) {
      this.#core.metrics.deadLetter?.('failed');
      throw error;
    }
  }

  /** Its own, and where it came from the first time. */
  #propertiesOf(message: Message): Record<string, string> {
    const { ledgerId, entryId, partition, batchIndex } = message.getMessageId();
    const origin = `${ledgerId}:${entryId}:${partition}${batchIndex < 0 ? '' : `:${batchIndex}`}`;
    return {
      REAL_TOPIC: message.getTopicName().replace(/-partition-\d+$/, ''),
      // The one is what older clients look for.
      ORIGIN_MESSAGE_IDY_TIME: origin,
      ORIGIN_MESSAGE_ID: origin,
      REAL_SUBSCRIPTION: this.#parts.subscription,
      ...message.getProperties(),
    };
  }

  #track(work: Promise<unknown>): void {
    this.#underWay.add(work);
    work.finally(() => this.#underWay.delete(work)).catch(() => undefined);
  }
}

export function notEnabled(): PulsarError {
  return new PulsarError('OperationNotSupported', "reconsumeLater needs the consumer's option 'retryEnable'");
}

/** @throws PulsarError where its data can't be read */
function letterOf(message: Message, properties: Readonly<Record<string, string>>): ForwardedMessage {
  const eventTimestamp = message.getEventTimestamp();
  const partitionKey = message.getPartitionKey();
  return {
    data: message.getData(),
    properties,
    ...(eventTimestamp > 0 ? { eventTimestamp } : {}),
    ...(partitionKey === '' ? {} : { partitionKey }),
    // As they were, though they be bytes.
    ...(message instanceof ReceivedMessage ? { keys: message.keys } : {}),
  };
}

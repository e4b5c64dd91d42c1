import type { Connection } from '../connection/connection.ts';
import { PulsarError } from '../errors.ts';
import { producerAccessMode } from '../wire/index.ts';
import type { ProducerSettings } from './settings.ts';

export interface RegistrationParts {
  readonly topic: string;
  readonly producerId: number;
  readonly settings: ProducerSettings;
}

/**
 * What a producer asks of each broker that it attaches to. Neither question nor answer has a checksum: what contradicts all that is
 * known is asked once more, and believed where it comes again.
 */
export class Registration {
  readonly #parts: RegistrationParts;
  #name: string;
  #epoch = 0;
  /** The last answer, where it was a contradiction. */
  #odd: number | undefined;
  /** The broker remembers no sequence ids: it removes no duplicates. */
  #forgets = false;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
    this.#name = parts.settings.producerName ?? '';
  }

  /** The broker's where the application chose none; '' until it is known. */
  get name(): string {
    return this.#name;
  }

  /**
   * The newest sequence id that the broker has seen of this producer, −1: none.
   *
   * @param acknowledged the newest that it must have seen
   * @param next the first that it can't have seen; `undefined`: it may have seen any
   * @throws PulsarError
   */
  async ask(connection: Connection, acknowledged: number, next: number | undefined): Promise<number> {
    const { topic, producerId, settings } = this.#parts;
    const { producerName, lastSequenceId: newest = -1 } = await connection.request(
      'producerSuccess',
      `creating a producer on ${topic}`,
      (requestId) => ({
        type: 'producer',
        command: {
          topic,
          producerId,
          requestId,
          producerName: this.#name === '' ? undefined : this.#name,
          userProvidedProducerName: settings.producerName !== undefined,
          epoch: this.#epoch++,
          metadata: settings.properties,
          initialSubscriptionName: settings.initialSubscriptionName,
          producerAccessMode: producerAccessMode.shared,
        },
      }),
    );
    if (this.#name !== '' && producerName !== this.#name) {
      throw new PulsarError('ReadError', `${topic}: the broker calls producer '${this.#name}' '${producerName}'`);
    }
    const possible = (newest >= acknowledged || (newest < 0 && this.#forgets)) && (next === undefined || newest < next);
    if (!possible && this.#odd !== newest && !connection.secure) {
      this.#odd = newest;
      const text = `${topic}: the broker has seen sequence id ${newest} of '${producerName}' last, it has acknowledged ${acknowledged}`;
      throw new PulsarError('ReadError', `${text}, and ${next ?? 'any'} is next`);
    }
    this.#odd = undefined;
    // A topic that was made anew has seen nothing either.
    if (acknowledged >= 0) this.#forgets = newest < 0;
    this.#name = producerName;
    return newest;
  }
}

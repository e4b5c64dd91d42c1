import { BusError } from './errors.ts';
import type { BusOptions, NewPublication } from './port.ts';

/** {@link BusOptions} with every default filled in. */
export interface BusLimits {
  readonly turnBytes: number;
  readonly maxPendingAppends: number;
  readonly maxPendingBytes: number;
  readonly maxPublicationBytes: number;
}

// Pulsar's message limit of 5 MiB holds for a batch with its metadata; 4 KiB is more than one message's metadata takes.
const maxMessageBytes = 5 * 1024 * 1024;
const frameOverheadBytes = 4096;

// Tags, lengths and the key-value message around each property.
const propertyOverheadBytes = 12;

export function resolveLimits(options: BusOptions): BusLimits {
  return {
    turnBytes: positive('turnBytes', options.turnBytes ?? 256 * 1024),
    maxPendingAppends: positive('maxPendingAppends', options.maxPendingAppends ?? 10_000),
    maxPendingBytes: positive('maxPendingBytes', options.maxPendingBytes ?? 64 * 1024 * 1024),
    maxPublicationBytes: positive(
      'maxPublicationBytes',
      options.maxPublicationBytes ?? maxMessageBytes - frameOverheadBytes,
    ),
  };
}

function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`${name} is ${value}, expected a whole number above 0`);
}

/** What a publication takes on the wire, near enough: data, key and properties. */
export function publicationBytes(publication: NewPublication): number {
  let bytes = publication.data.length + Buffer.byteLength(publication.channel);
  for (const [name, value] of Object.entries(publication.properties ?? {})) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + propertyOverheadBytes;
  }
  return bytes;
}

/** Counts the appends of one bus that wait for the log, against its bounds in number and bytes. */
export class PendingAppends {
  readonly #limits: BusLimits;
  #count = 0;
  #bytes = 0;

  constructor(limits: BusLimits) {
    this.#limits = limits;
  }

  /** Admits a publication and says its bytes, to be handed back to `release`. @throws BusError `too-large`, `queue-full` */
  admit(publication: NewPublication): number {
    const limits = this.#limits;
    const bytes = publicationBytes(publication);
    if (bytes > limits.maxPublicationBytes) {
      throw new BusError(
        'too-large',
        `the publication takes ${bytes} bytes with its key and properties, at most ${limits.maxPublicationBytes} fit`,
      );
    }
    if (this.#count >= limits.maxPendingAppends || this.#bytes + bytes > limits.maxPendingBytes) {
      throw new BusError(
        'queue-full',
        `${this.#count} appends of ${this.#bytes} bytes wait for the log already ` +
          `(at most ${limits.maxPendingAppends} and ${limits.maxPendingBytes} bytes)`,
      );
    }
    this.#count++;
    this.#bytes += bytes;
    return bytes;
  }

  release(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
  }
}

import type { Connection } from '../connection/connection.ts';
import type { ConnectionPool, Destination } from '../connection/pool.ts';
import { brokerError, PulsarError } from '../errors.ts';
import { lookupResult, partitionedMetadataResult } from '../wire/index.ts';

/** A chain of brokers that send us on; longer ones are a loop. */
const maxRedirects = 20;

export interface LookupOptions {
  readonly serviceUrl: string;
  /** The broker's advertised listener to be sent to. */
  readonly listenerName: string | undefined;
  /** Lookups at a time; more are refused. */
  readonly maxLookups: number;
}

/** Finds the brokers of topics, by the binary protocol. */
export class Lookup {
  readonly #serviceUrl: string;
  readonly #listener: { readonly advertisedListenerName?: string };
  readonly #maxLookups: number;
  readonly #pool: ConnectionPool;
  #underWay = 0;

  constructor(options: LookupOptions, pool: ConnectionPool) {
    this.#serviceUrl = options.serviceUrl;
    this.#listener = options.listenerName === undefined ? {} : { advertisedListenerName: options.listenerName };
    this.#maxLookups = options.maxLookups;
    this.#pool = pool;
  }

  /** A connection to the broker that serves the topic (full name, one partition or plain). @throws PulsarError */
  async connectionFor(topic: string): Promise<Connection> {
    return this.#pool.get(await this.#counted(() => this.#destinationOf(topic)));
  }

  /** How many partitions a topic has; 0: it is plain, or it isn't there and would be made plain. @throws PulsarError */
  partitionsOf(topic: string): Promise<number> {
    return this.#counted(() => this.#partitionsOf(topic));
  }

  async #partitionsOf(topic: string): Promise<number> {
    const connection = await this.#pool.get({ url: this.#serviceUrl });
    const what = `looking up the partitions of ${topic}`;
    const answer = await connection.request('partitionedMetadataResponse', what, (requestId) => ({
      type: 'partitionedMetadata',
      command: { topic, requestId },
    }));
    if (answer.response === partitionedMetadataResult.failed) throw brokerError(answer.error, answer.message, what);
    return answer.partitions ?? 0;
  }

  async #destinationOf(topic: string): Promise<Destination> {
    const what = `looking up the broker of ${topic}`;
    let at: Destination = { url: this.#serviceUrl };
    let authoritative = false;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const connection = await this.#pool.get(at);
      const answer = await connection.request('lookupResponse', what, (requestId) => ({
        type: 'lookup',
        command: { topic, requestId, authoritative, ...this.#listener },
      }));
      if (answer.response === lookupResult.failed || answer.response === undefined) {
        throw brokerError(answer.error, answer.message, what);
      }
      const url = answer.brokerServiceUrl;
      if (url === undefined || url === '') throw new PulsarError('LookupError', `${what}: the broker named none`);
      at = answer.proxyThroughServiceUrl === true ? { url: this.#serviceUrl, brokerBehindProxy: url } : { url };
      if (answer.response === lookupResult.connect) return at;
      authoritative = answer.authoritative ?? false;
    }
    throw new PulsarError('LookupError', `${what}: sent on more than ${maxRedirects} times`);
  }

  async #counted<T>(lookup: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.#maxLookups) {
      const text = `${this.#underWay} lookups are under way, at most ${this.#maxLookups} are allowed`;
      throw new PulsarError('TooManyLookupRequestException', text);
    }
    this.#underWay++;
    try {
      return await lookup();
    } finally {
      this.#underWay--;
    }
  }
}

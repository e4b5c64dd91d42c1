import type { Connection } from '../connection/connection.ts';
import { addressFor } from '../connection/move.ts';
import type { ConnectionPool, Destination } from '../connection/pool.ts';
import type { Service } from '../connection/service.ts';
import type { ServiceAddress } from '../connection/service-url.ts';
import { brokerError, PulsarError } from '../errors.ts';
import { type CommandLookupTopicResponse, lookupResult, partitionedMetadataResult } from '../wire/index.ts';

/** A chain of brokers that send us on; longer ones are a loop. */
const maxRedirects = 20;

export interface LookupOptions {
  /** The broker's advertised listener to be sent to. */
  readonly listenerName: string | undefined;
  /** Lookups at a time; more are refused. */
  readonly maxLookups: number;
}

/** One broker of a cluster. */
export interface BrokerAddress {
  readonly address: ServiceAddress;
  /** It is to be reached through the proxy at the service URL. */
  readonly behindProxy: boolean;
}

/** Finds the brokers of topics, by the binary protocol. */
export class Lookup {
  readonly #listener: { readonly advertisedListenerName?: string };
  readonly #maxLookups: number;
  readonly #pool: ConnectionPool;
  #underWay = 0;

  constructor(options: LookupOptions, pool: ConnectionPool) {
    this.#listener = options.listenerName === undefined ? {} : { advertisedListenerName: options.listenerName };
    this.#maxLookups = options.maxLookups;
    this.#pool = pool;
  }

  /** A connection to the broker that serves the topic (full name, one partition or plain). @throws PulsarError */
  async connectionFor(topic: string, service: Service): Promise<Connection> {
    const broker = await this.#counted(() => this.#brokerOf(topic, service));
    return this.connectionTo(broker, service);
  }

  /** A connection for a producer or consumer to a broker that is known. @throws PulsarError */
  connectionTo(broker: BrokerAddress, service: Service): Promise<Connection> {
    return reach(service, broker, (destination) => this.#pool.next(destination));
  }

  /** How many partitions a topic has; 0: it is plain, or it isn't there and would be made plain. @throws PulsarError */
  partitionsOf(topic: string, service: Service): Promise<number> {
    return this.#counted(() => this.#partitionsOf(topic, service));
  }

  async #partitionsOf(topic: string, service: Service): Promise<number> {
    const connection = await this.#ask(service, undefined);
    const what = `looking up the partitions of ${topic}`;
    const answer = await connection.request('partitionedMetadataResponse', what, (requestId) => ({
      type: 'partitionedMetadata',
      command: { topic, requestId },
    }));
    if (answer.response === partitionedMetadataResult.failed) throw brokerError(answer.error, answer.message, what);
    return answer.partitions ?? 0;
  }

  async #brokerOf(topic: string, service: Service): Promise<BrokerAddress> {
    const what = `looking up the broker of ${topic}`;
    let at: BrokerAddress | undefined;
    let authoritative = false;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const connection = await this.#ask(service, at);
      const answer = await connection.request('lookupResponse', what, (requestId) => ({
        type: 'lookup',
        command: { topic, requestId, authoritative, ...this.#listener },
      }));
      if (answer.response === lookupResult.failed || answer.response === undefined) {
        throw brokerError(answer.error, answer.message, what);
      }
      at = brokerIn(answer, service.secure, what);
      if (answer.response === lookupResult.connect) return at;
      authoritative = answer.authoritative ?? false;
    }
    throw new PulsarError('LookupError', `${what}: sent on more than ${maxRedirects} times`);
  }

  /** Whom to ask: a broker that we were sent to, or any host of the service. */
  #ask(service: Service, at: BrokerAddress | undefined): Promise<Connection> {
    return reach(service, at, (destination) => this.#pool.get(destination));
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

function reach(
  service: Service,
  broker: BrokerAddress | undefined,
  get: (destination: Destination) => Promise<Connection>,
): Promise<Connection> {
  if (broker === undefined) return service.reach(get);
  if (broker.behindProxy) return service.reach(get, broker.address);
  return get({ address: broker.address, access: service.access });
}

function brokerIn(answer: CommandLookupTopicResponse, secure: boolean, what: string): BrokerAddress {
  const { brokerServiceUrl: plainUrl, brokerServiceUrlTls: tlsUrl } = answer;
  const address = addressFor({ plainUrl, tlsUrl }, secure);
  if (address !== undefined) return { address, behindProxy: answer.proxyThroughServiceUrl === true };
  const named = (secure ? tlsUrl : plainUrl) ?? '';
  const kind = secure ? 'TLS address (does it have brokerServicePortTls?)' : 'address without TLS';
  const text = `${what}: the broker named no ${kind}${named === '' ? '' : `, but '${named}'`}`;
  throw new PulsarError('LookupError', text);
}

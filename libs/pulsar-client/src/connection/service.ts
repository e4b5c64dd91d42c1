import { describeError } from '@pharos/errors';
import type { Backoff } from '@pharos/lifecycle';
import { PulsarError, type PulsarErrorCode } from '../errors.ts';
import type { Access } from './access.ts';
import type { Connection } from './connection.ts';
import type { Destination } from './pool.ts';
import { parseServiceUrl, type ServiceAddress } from './service-url.ts';

/** What another host may do better; credentials that are refused will be so everywhere. */
const worthAnother: ReadonlySet<PulsarErrorCode> = new Set<PulsarErrorCode>([
  'ConnectError',
  'Timeout',
  'ReadError',
  'NotConnected',
  'ServiceUnitNotReady',
]);

interface Host {
  readonly address: ServiceAddress;
  readonly backoff: Backoff;
  /** Not tried before, unless all are down. */
  downUntil: number;
}

/**
 * The way into one cluster: the hosts of its service URL. One that answers is kept; where it fails the next is tried, and
 * one that failed is left alone for a while, longer each time.
 */
export class Service {
  readonly url: string;
  readonly secure: boolean;
  readonly access: Access;
  readonly #hosts: readonly Host[];
  #current: number;

  /** @param random in [0, 1): where to begin, so that not all clients ask the same host. @throws PulsarError `InvalidUrl` */
  constructor(url: string, access: Access, newBackoff: () => Backoff, random: number = Math.random()) {
    const addresses = parseServiceUrl(url);
    this.url = url;
    this.secure = addresses.every(({ secure }) => secure);
    this.access = access;
    this.#hosts = addresses.map((address) => ({ address, backoff: newBackoff(), downUntil: 0 }));
    this.#current = Math.floor(random * addresses.length);
  }

  /** What `get` gives for the first host that answers. @throws PulsarError of the last host, with what the others said */
  async reach(
    get: (destination: Destination) => Promise<Connection>,
    brokerBehindProxy?: ServiceAddress,
  ): Promise<Connection> {
    const failures: PulsarError[] = [];
    for (const host of this.#inOrder()) {
      try {
        const connection = await get({ address: host.address, access: this.access, brokerBehindProxy });
        host.downUntil = 0;
        host.backoff.reset();
        this.#current = this.#hosts.indexOf(host);
        return connection;
      } catch (error) {
        if (!(error instanceof PulsarError) || !worthAnother.has(error.code)) throw error;
        const now = performance.now();
        // Many may have waited for the same try: it counts once.
        if (host.downUntil <= now) host.downUntil = now + host.backoff.next();
        failures.push(error);
      }
    }
    throw this.#allFailed(failures);
  }

  #inOrder(): readonly Host[] {
    const now = performance.now();
    const turned = [...this.#hosts.slice(this.#current), ...this.#hosts.slice(0, this.#current)];
    const up = turned.filter(({ downUntil }) => downUntil <= now);
    return up.length > 0 ? up : turned;
  }

  #allFailed(failures: readonly PulsarError[]): PulsarError {
    const last = failures.at(-1);
    if (last !== undefined && this.#hosts.length === 1) return last;
    const text = `no host of ${this.url} can be reached: ${failures.map(describeError).join('; ')}`;
    const retryable = failures.length < this.#hosts.length || failures.some((failure) => failure.retryable);
    return new PulsarError(last?.code ?? 'ConnectError', text, { retryable });
  }
}

import type { HttpStatusAndBody, RequestHead } from '@pharos/socket-server';

import type { EdgeMetrics } from '../metrics.ts';
import { Tally } from '../tally.ts';
import { TokenBucket } from '../token-bucket.ts';
import type { OriginCheck } from './origin.ts';

export interface AdmissionLimits {
  /** Connections of this edge, all kinds together. */
  readonly maxConnections: number;
  /** New ones a second. @default any number */
  readonly connectionsPerSecond?: number | undefined;
  /** Connections of one address. @default any number */
  readonly maxPerAddress?: number | undefined;
}

/**
 * What counts as one address: of IPv6 the network of 64 bits, since whoever has one of its addresses has them all.
 *
 * @param address as socket servers write it
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address;
  const [front = '', back] = address.split('::', 2);
  const groups = front === '' ? [] : front.split(':');
  const after = back === undefined || back === '' ? [] : back.split(':');
  const zeros = new Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0');
  return `${[...groups, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}

/** Decides at the upgrade, before anything is spent on a connection, whether it may come in; counts those that are in. */
export class Admission {
  #limits: AdmissionLimits;
  #origin: OriginCheck;
  readonly #metrics: EdgeMetrics;
  #rate: TokenBucket | undefined;
  readonly #addresses = new Tally(undefined);
  #connections = 0;
  #closing = false;

  constructor(limits: AdmissionLimits, origin: OriginCheck, metrics: EdgeMetrics) {
    this.#limits = limits;
    this.#origin = origin;
    this.#metrics = metrics;
    metrics.readConnectionLimit = () => this.#limits.maxConnections;
    this.#take(limits);
  }

  /** From now on these hold; who is in stays in. */
  configure(limits: AdmissionLimits, origin: OriginCheck): void {
    const isSameRate = limits.connectionsPerSecond === this.#limits.connectionsPerSecond;
    this.#limits = limits;
    this.#origin = origin;
    if (isSameRate) this.#addresses.limit = limits.maxPerAddress;
    else this.#take(limits);
  }

  #take({ connectionsPerSecond, maxPerAddress }: AdmissionLimits): void {
    this.#rate = connectionsPerSecond === undefined ? undefined : new TokenBucket(connectionsPerSecond);
    this.#addresses.limit = maxPerAddress;
  }

  get connections(): number {
    return this.#connections;
  }

  get origin(): OriginCheck {
    return this.#origin;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** From now on nobody comes in. */
  close(): void {
    this.#closing = true;
  }

  /** Whether there is room for one more: part of readiness, so that a load balancer looks elsewhere. */
  get open(): boolean {
    return !this.#closing && this.#connections < this.#limits.maxConnections;
  }

  /** Says how to refuse a connection, or nothing where it may come in. @param isUpgrade of a WebSocket, for which browsers always name an origin */
  refusal(head: RequestHead, isUpgrade = true): HttpStatusAndBody | undefined {
    if (this.#closing) return this.#refuse('draining', 503, 'The server is shutting down.\n', { 'Retry-After': '1' });
    if (!(isUpgrade ? this.#origin.allows(head) : this.#origin.allowsRequest(head))) {
      return this.#refuse('origin', 403, 'Connections from this origin are not allowed (client.allowed_origins).\n');
    }
    if (this.#connections >= this.#limits.maxConnections) {
      return this.#refuse('connection_limit', 503, 'The server has no room for more connections.\n', {
        'Retry-After': '5',
      });
    }
    if (this.#addresses.isFull(addressKey(head.remoteAddress))) {
      return this.#refuse('address_limit', 429, 'There are too many connections from this address.\n', {
        'Retry-After': '5',
      });
    }
    // Last: what is refused anyway takes nothing from others.
    if (this.#rate?.take() === false) {
      return this.#refuse('connection_rate', 503, 'The server takes no more connections in this second.\n', {
        'Retry-After': '1',
      });
    }
    return undefined;
  }

  /** How to refuse a connection whose client can't show a token, where nobody may come without one. */
  refusalOfAnonymous(): HttpStatusAndBody {
    const option = 'client.allow_anonymous_connect_without_token';
    return this.#refuse('anonymous', 403, `Connections without a token are not allowed (${option}).\n`);
  }

  /** Counted when the socket is open, not when its upgrade was accepted: an upgrade can still fail on the way. */
  entered(remoteAddress: string): void {
    this.#connections++;
    this.#addresses.count(addressKey(remoteAddress));
  }

  left(remoteAddress: string): void {
    this.#connections--;
    this.#addresses.leave(addressKey(remoteAddress));
  }

  #refuse(reason: string, status: number, body: string, headers: Record<string, string> = {}): HttpStatusAndBody {
    this.#metrics.connectionsRefused.inc({ reason });
    return { status, headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers }, body };
  }
}

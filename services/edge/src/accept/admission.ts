import type { HttpStatusAndBody, RequestHead } from '@pharos/socket-server';

import type { EdgeMetrics } from '../metrics.ts';
import type { OriginCheck } from './origin.ts';

export interface AdmissionLimits {
  /** Connections of this edge, all kinds together. */
  readonly maxConnections: number;
}

/** Decides at the upgrade, before anything is spent on a connection, whether it may come in; counts those that are in. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #origin: OriginCheck;
  readonly #metrics: EdgeMetrics;
  #connections = 0;
  #closing = false;

  constructor(limits: AdmissionLimits, origin: OriginCheck, metrics: EdgeMetrics) {
    this.#limits = limits;
    this.#origin = origin;
    this.#metrics = metrics;
  }

  get connections(): number {
    return this.#connections;
  }

  /** From now on nobody comes in. */
  close(): void {
    this.#closing = true;
  }

  /** Whether there is room for one more: part of readiness, so that a load balancer looks elsewhere. */
  get open(): boolean {
    return !this.#closing && this.#connections < this.#limits.maxConnections;
  }

  /** Says how to refuse a connection, or nothing where it may come in. */
  refusal(head: RequestHead): HttpStatusAndBody | undefined {
    if (this.#closing) return this.#refuse('draining', 503, 'The server is shutting down.\n', { 'Retry-After': '1' });
    if (!this.#origin.allows(head)) {
      return this.#refuse('origin', 403, 'Connections from this origin are not allowed (client.allowed_origins).\n');
    }
    if (this.#connections >= this.#limits.maxConnections) {
      return this.#refuse('connection_limit', 503, 'The server has no room for more connections.\n', {
        'Retry-After': '5',
      });
    }
    return undefined;
  }

  /** Counted when the socket is open, not when its upgrade was accepted: an upgrade can still fail on the way. */
  entered(): void {
    this.#connections++;
  }

  left(): void {
    this.#connections--;
  }

  #refuse(reason: string, status: number, body: string, headers: Record<string, string> = {}): HttpStatusAndBody {
    this.#metrics.connectionsRefused.inc({ reason });
    return { status, headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers }, body };
  }
}

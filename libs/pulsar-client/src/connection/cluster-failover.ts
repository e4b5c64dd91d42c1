import { describeError } from '@pharos/errors';
import type { Logger } from '../logger.ts';
import type { Service } from './service.ts';

export interface FailoverSettings {
  readonly checkIntervalMs: number;
  /** Failed checks in a row until another cluster is gone to. */
  readonly failoverThreshold: number;
  /** Successful checks of the primary in a row until it is gone back to. */
  readonly switchBackThreshold: number;
}

export interface ClusterFailoverParts extends FailoverSettings {
  readonly primary: Service;
  /** In the order in which they are tried. */
  readonly secondary: readonly Service[];
  /** Rejects where the cluster can't be had. */
  readonly probe: (service: Service) => Promise<unknown>;
  readonly switched: (from: Service, to: Service) => void;
  readonly logger: Logger;
}

/** Chooses among clusters: the primary while it can be had, else the first other that can. */
export class ClusterFailover {
  readonly #parts: ClusterFailoverParts;
  #current: Service;
  #failures = 0;
  #recoveries = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(parts: ClusterFailoverParts) {
    this.#parts = parts;
    this.#current = parts.primary;
  }

  get current(): Service {
    return this.#current;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#check()
        .catch((error: unknown) => this.#parts.logger.error({ err: error }, 'a check of clusters failed'))
        .finally(() => {
          if (!this.#stopped) this.start();
        });
    }, this.#parts.checkIntervalMs);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #check(): Promise<void> {
    const { primary, secondary, failoverThreshold } = this.#parts;
    if (await this.#works(this.#current)) {
      this.#failures = 0;
      if (this.#current !== primary) await this.#checkPrimary();
      return;
    }
    this.#failures++;
    if (this.#failures < failoverThreshold) return;
    for (const service of [primary, ...secondary]) {
      if (service !== this.#current && (await this.#works(service))) return this.#goTo(service);
    }
  }

  async #checkPrimary(): Promise<void> {
    const { primary, switchBackThreshold } = this.#parts;
    this.#recoveries = (await this.#works(primary)) ? this.#recoveries + 1 : 0;
    if (this.#recoveries >= switchBackThreshold) this.#goTo(primary);
  }

  async #works(service: Service): Promise<boolean> {
    try {
      await this.#parts.probe(service);
      return true;
    } catch (error) {
      this.#parts.logger.debug({ service: service.url, reason: describeError(error) }, 'a cluster can not be had');
      return false;
    }
  }

  #goTo(service: Service): void {
    if (this.#stopped) return;
    const from = this.#current;
    this.#current = service;
    this.#failures = 0;
    this.#recoveries = 0;
    this.#parts.logger.warn({ from: from.url, to: service.url }, 'going on at another cluster');
    this.#parts.switched(from, service);
  }
}

import { BusError, deltaProperty, skipHistoryProperty } from '@pharos/bus';
import type { RawData } from '@pharos/client-protocol';
import { type Logger, ThrottledLog, type Tracing } from '@pharos/telemetry';

import type { Namespace } from '@pharos/channels';
import type { EdgeMetrics } from '../metrics.ts';
import { chanInfoProperty, clientProperty, connInfoProperty, userProperty } from '../publishing-client.ts';

/** Through an outage every publish fails. */
const failureLogMs = 10_000;

/** Who publishes, as it is written beside the publication. */
export interface PublishingClient {
  readonly clientId: string;
  /** Empty where the client is anonymous. */
  readonly user: string;
  /** What others see with the connection, and with its subscription to the channel: JSON. */
  readonly connInfo?: RawData | undefined;
  readonly chanInfo?: RawData | undefined;
}

/** What is published, and what the application's backend wants to go with it. */
export interface ClientPublication {
  readonly data: Uint8Array;
  readonly tags?: ReadonlyMap<string, string>;
  /** Delivered live and kept in no history. */
  readonly skipHistory?: boolean;
  /** May be sent as the difference from the one before it. */
  readonly delta?: boolean;
}

/**
 * The way of a publication from a client into the log.
 *
 * It resolves when the log has the publication durably, and rejects with a BusError; whether the failed publication may
 * have been written all the same is said by the code `outcome-unknown`.
 */
export class Publisher {
  readonly #deadlineMs: number;
  readonly #metrics: EdgeMetrics;
  readonly #failures: ThrottledLog;
  readonly #tracing: Tracing | undefined;
  #lastFailure: unknown;
  #underWay = 0;
  #idle: (() => void)[] = [];

  /** @param deadlineMs how long an append may wait for the log */
  constructor(deadlineMs: number, metrics: EdgeMetrics, logger: Logger, tracing?: Tracing) {
    this.#tracing = tracing;
    this.#deadlineMs = deadlineMs;
    this.#metrics = metrics;
    metrics.readPublishesUnderWay = () => this.#underWay;
    this.#failures = new ThrottledLog(failureLogMs, (times) =>
      logger.warn({ err: this.#lastFailure, times }, 'publishes of clients failed; the last one so'),
    );
  }

  async publish(
    namespace: Namespace,
    channel: string,
    publication: ClientPublication,
    client: PublishingClient,
  ): Promise<void> {
    const { log, options } = namespace;
    const { data, tags, skipHistory, delta } = publication;
    const properties: Record<string, string> = { ...Object.fromEntries(tags ?? []), [clientProperty]: client.clientId };
    if (client.user !== '') properties[userProperty] = client.user;
    if (client.connInfo !== undefined) properties[connInfoProperty] = client.connInfo.toString();
    if (client.chanInfo !== undefined) properties[chanInfoProperty] = client.chanInfo.toString();
    if (skipHistory === true) properties[skipHistoryProperty] = '1';
    if (options.delta_publish || delta === true) properties[deltaProperty] = '1';
    this.#underWay++;
    const end = this.#metrics.publishSeconds.startTimer();
    try {
      if (this.#tracing === undefined) await log.append({ channel, data, properties }, this.#deadlineMs);
      else {
        await this.#tracing.publish(log.topic, channel, properties, (traced) =>
          log.append({ channel, data, properties: traced }, this.#deadlineMs),
        );
      }
      this.#metrics.publishes.inc({ outcome: 'ok' });
    } catch (error) {
      this.#metrics.publishes.inc({ outcome: error instanceof BusError ? error.code.replaceAll('-', '_') : 'error' });
      this.#lastFailure = error;
      this.#failures.note();
      throw error;
    } finally {
      end();
      this.#underWay--;
      if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  stop(): void {
    this.#failures.stop();
  }

  /** Resolves when no publish is under way. */
  async settled(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}

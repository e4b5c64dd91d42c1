import { setTimeout as delay } from 'node:timers/promises';

import { BusError, type Bus } from '@pharos/bus';
import { describeError } from '@pharos/errors';
import { Backoff } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

import { Namespaces } from './namespaces.ts';
import type { ChannelConfig } from './options.ts';

/** A broker that takes connections and stays silent would leave an operator with nothing to read for half a minute. */
const slowOpenMs = 3_000;

export interface OpenNamespacesOptions {
  readonly bus: Bus;
  readonly channel: ChannelConfig;
  /** Whether topics of joins and leaves are opened too. */
  readonly lifecycle: boolean;
  /** Ends the tries. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Told after each try that failed, for readiness. */
  readonly onWaiting: (reason: string) => void;
}

/**
 * Opens the namespaces of a service that is starting. Tries until it succeeds, or the signal is given (undefined then): a service that starts
 * before its broker waits, live and not ready, and says why. @throws BusError where waiting can't help
 */
export async function openNamespaces(options: OpenNamespacesOptions): Promise<Namespaces | undefined> {
  const { bus, channel, lifecycle, signal, logger, onWaiting } = options;
  const backoff = new Backoff({ initialMs: 500, maxMs: 10_000 });
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    const notice = setTimeout(() => logger.warn('still opening the logs: no answer yet'), slowOpenMs);
    try {
      return await Namespaces.open(bus, channel.without_namespace, channel.namespaces, { lifecycle });
    } catch (error) {
      if (isOver()) return undefined;
      if (!(error instanceof BusError) || !isWorthWaiting(error)) throw error;
      const delayMs = backoff.next();
      const reason = describeError(error);
      onWaiting(reason);
      logger.error({ err: error, delayMs }, `not ready: ${reason}`);
      await delay(delayMs, undefined, { signal }).catch(() => undefined);
    } finally {
      clearTimeout(notice);
    }
  }
  return undefined;
}

/** An address that is no broker at the moment may become one: a port forward, a name or a service that is still being set up. */
function isWorthWaiting(error: BusError): boolean {
  return error.retryable || error.code === 'unreachable';
}

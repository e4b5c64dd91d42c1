import { milliseconds, mustHold, refuseUnknown } from '../options.ts';
import type { ConsumerConfig } from './consumer-config.ts';

/** Delays that grow with each redelivery of a message: `minDelayMs × multiplier ^ redeliveries`, at most `maxDelayMs`. */
export interface RedeliveryBackoff {
  /** @default 1000 */
  readonly minDelayMs?: number;
  /** @default 60000 */
  readonly maxDelayMs?: number;
  /** Above 1. @default 2 */
  readonly multiplier?: number;
}

export interface RedeliverySettings {
  readonly nackDelayMs: number;
  /** In place of `nackDelayMs`, where the message is known. */
  readonly nackBackoff: Required<RedeliveryBackoff> | undefined;
  /** 0: none. */
  readonly ackTimeoutMs: number;
  /** On top of `ackTimeoutMs`. */
  readonly ackTimeoutBackoff: Required<RedeliveryBackoff> | undefined;
}

/** Nothing is ever asked for again. */
export const noRedelivery: RedeliverySettings = {
  nackDelayMs: 0,
  nackBackoff: undefined,
  ackTimeoutMs: 0,
  ackTimeoutBackoff: undefined,
};

const kind = 'ConsumerConfig';
/** As in the official clients: shorter ones ask for messages that are being worked on. */
const minAckTimeoutMs = 10_000;

/** @throws PulsarError `InvalidConfiguration` */
export function redeliverySettings(config: ConsumerConfig, shared: boolean): RedeliverySettings {
  const ackTimeoutMs = milliseconds(kind, 'ackTimeoutMs', config.ackTimeoutMs, 0, 0);
  const enough = ackTimeoutMs === 0 || ackTimeoutMs >= minAckTimeoutMs;
  mustHold(kind, enough, `option 'ackTimeoutMs' is ${ackTimeoutMs}, expected 0 or at least ${minAckTimeoutMs}`);
  const ackTimeoutBackoff = backoffOf('ackTimeoutRedeliveryBackoff', config.ackTimeoutRedeliveryBackoff, shared);
  mustHold(kind, ackTimeoutBackoff === undefined || ackTimeoutMs > 0, 'ackTimeoutRedeliveryBackoff needs ackTimeoutMs');
  return {
    nackDelayMs: milliseconds(kind, 'nAckRedeliverTimeoutMs', config.nAckRedeliverTimeoutMs, 60_000, 0),
    nackBackoff: backoffOf('negativeAckRedeliveryBackoff', config.negativeAckRedeliveryBackoff, shared),
    ackTimeoutMs,
    ackTimeoutBackoff,
  };
}

export function backoffDelayMs(backoff: Required<RedeliveryBackoff>, redeliveries: number): number {
  const { minDelayMs, maxDelayMs, multiplier } = backoff;
  // The power is infinite at last, and 0 times that no number.
  return minDelayMs === 0 ? 0 : Math.min(maxDelayMs, minDelayMs * multiplier ** redeliveries);
}

function backoffOf(
  name: string,
  backoff: RedeliveryBackoff | undefined,
  shared: boolean,
): Required<RedeliveryBackoff> | undefined {
  if (backoff === undefined) return undefined;
  const whose = `${kind} ${name}`;
  mustHold(kind, shared, `${name} needs 'Shared' or 'KeyShared': the broker counts redeliveries for these alone`);
  refuseUnknown(whose, backoff, ['minDelayMs', 'maxDelayMs', 'multiplier'], {});
  const minDelayMs = milliseconds(whose, 'minDelayMs', backoff.minDelayMs, 1000, 0);
  const maxDelayMs = milliseconds(whose, 'maxDelayMs', backoff.maxDelayMs, 60_000, 0);
  mustHold(whose, minDelayMs <= maxDelayMs, `minDelayMs is ${minDelayMs}, more than maxDelayMs, ${maxDelayMs}`);
  const { multiplier = 2 } = backoff;
  mustHold(whose, Number.isFinite(multiplier) && multiplier > 1, `multiplier is ${multiplier}, expected more than 1`);
  return { minDelayMs, maxDelayMs, multiplier };
}

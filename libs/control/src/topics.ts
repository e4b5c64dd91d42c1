import { setTimeout as delay } from 'node:timers/promises';

import { type Bus, BusError } from '@pharos/bus';
import { LivingLog } from '@pharos/channels';
import { duration, z } from '@pharos/config';
import { Backoff } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

/** The section `control`; the same for all services of a cluster. */
export interface ControlConfig {
  readonly topic: string;
  /** How long a revocation holds at most, in milliseconds. */
  readonly revocation_ttl: number;
}

export function controlSection(): z.ZodType {
  return z.strictObject({
    topic: z
      .string()
      .min(1)
      .default('persistent://public/default/pharos-control')
      .describe(
        'The topic that commands to connections on any edge go through; beside it are <topic>-nodes, what edges say, and <topic>-revocations.',
      ),
    revocation_ttl: duration({ minMs: 60_000, maxMs: 31_536_000_000 })
      .default(2_592_000_000)
      .describe('How long revocations of tokens are kept: no token that can be revoked may live longer.'),
  });
}

/** Where commands, the words of edges, and revocations lie: one lane each, so that all see them in one order. */
export interface ControlLogs {
  readonly commands: LivingLog;
  readonly nodes: LivingLog;
  readonly revocations: LivingLog;
}

/** Beyond their time: clocks differ. */
const hourMs = 3_600_000;

export interface OpenControlOptions {
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Tries until it succeeds, or undefined once `signal` is aborted. @throws BusError what waiting doesn't help */
export async function openControl(
  bus: Bus,
  config: ControlConfig,
  { logger, signal }: OpenControlOptions,
): Promise<ControlLogs | undefined> {
  const backoff = new Backoff({ initialMs: 500, maxMs: 10_000 });
  while (!signal.aborted) {
    try {
      const logs = await open(bus, config);
      for (const { topic, limitations } of Object.values(logs) as LivingLog[]) {
        for (const limitation of limitations) logger.warn({ topic }, limitation);
      }
      return logs;
    } catch (error) {
      if (!(error instanceof BusError) || !(error.retryable || error.code === 'unreachable')) throw error;
      const delayMs = backoff.next();
      logger.error({ err: error, delayMs }, 'the control topics are not open yet');
      await delay(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

async function open(bus: Bus, { topic, revocation_ttl: ttl }: ControlConfig): Promise<ControlLogs> {
  const [commands, nodes, revocations] = await Promise.all([
    LivingLog.open(bus, { topic, lanes: 1 }),
    LivingLog.open(bus, { topic: `${topic}-nodes`, lanes: 1 }),
    LivingLog.open(bus, { topic: `${topic}-revocations`, lanes: 1, keepMs: ttl + hourMs }),
  ]);
  return { commands, nodes, revocations };
}

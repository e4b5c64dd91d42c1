import { setTimeout as delay } from 'node:timers/promises';

import { type Bus, BusError, type LogSpec } from '@pharos/bus';
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
        'The topic that commands to connections on any edge go through; beside it are <topic>-nodes, what edges say, <topic>-inbox, what one edge hands another, and <topic>-revocations.',
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

/**
 * Lanes of the topic by which one edge hands another what is for that one alone: an edge follows the lane that its name falls into. More of them
 * spare edges what is for others; a topic for each edge would be left behind by every edge that there ever was.
 */
const inboxLanes = 8;

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
  options: OpenControlOptions,
): Promise<ControlLogs | undefined> {
  return openUntilAborted(() => open(bus, config), options);
}

/** The topic of inboxes, as `openControl`. @throws BusError what waiting doesn't help */
export async function openInbox(
  bus: Bus,
  { topic }: ControlConfig,
  options: OpenControlOptions,
): Promise<LivingLog | undefined> {
  const spec = inboxSpec(topic);
  const opened = await openUntilAborted(async () => ({ inbox: await LivingLog.open(bus, spec) }), options);
  return opened?.inbox;
}

async function openUntilAborted<Logs extends object>(
  openAll: () => Promise<Logs>,
  { logger, signal }: OpenControlOptions,
): Promise<Logs | undefined> {
  const backoff = new Backoff({ initialMs: 500, maxMs: 10_000 });
  while (!signal.aborted) {
    try {
      const logs = await openAll();
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

/** Every topic of the section, as it is opened. */
export function controlTopics(config: ControlConfig): LogSpec[] {
  return [...controlSpecs(config), inboxSpec(config.topic)];
}

function controlSpecs({ topic, revocation_ttl: ttl }: ControlConfig): [LogSpec, LogSpec, LogSpec] {
  return [
    { topic, lanes: 1 },
    { topic: `${topic}-nodes`, lanes: 1 },
    { topic: `${topic}-revocations`, lanes: 1, keepMs: ttl + hourMs },
  ];
}

function inboxSpec(topic: string): LogSpec {
  return { topic: `${topic}-inbox`, lanes: inboxLanes };
}

async function open(bus: Bus, config: ControlConfig): Promise<ControlLogs> {
  const [first, second, third] = controlSpecs(config);
  const [commands, nodes, revocations] = await Promise.all([
    LivingLog.open(bus, first),
    LivingLog.open(bus, second),
    LivingLog.open(bus, third),
  ]);
  return { commands, nodes, revocations };
}

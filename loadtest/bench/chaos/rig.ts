import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RedisServer, type SharedPulsar, sharedPulsar, startRedis, uniqueTopic } from '@pharos/testkit';

import { readLifecycle, readLog } from './log-truth.ts';
import { ServiceNode, type Role } from './service-node.ts';
import { type RigSettings, settingsOf } from './settings.ts';

export interface RigOptions {
  readonly edges: number;
  /** Edges take members in their own processes, too. @default false */
  readonly seating?: boolean;
  readonly history: number;
  readonly presence: number;
  /** Server APIs, with the key {@link rigApiKey}. @default 0 */
  readonly api?: number;
  /** @default 4 */
  readonly lanes?: number;
  /** How long a silent edge counts as alive. @default 10000 */
  readonly leaseMs?: number;
  /** What an edge may take to close all its clients at SIGTERM. @default 500 */
  readonly drainMs?: number;
  /** What Redis held is there again after a kill and a start; else it comes back empty. @default false */
  readonly redisKeeps?: boolean;
  readonly channel?: RigSettings['channel'];
  readonly edge?: RigSettings['edge'];
  readonly apiSections?: RigSettings['apiSections'];
}

const redisSettings = { 'maxmemory-policy': 'noeviction' };
const kept = { appendonly: 'yes', appendfsync: 'always' };

/** A cluster of real processes on a real Pulsar and a real Redis, and every way to hurt it. */
export class Rig {
  readonly nodes: readonly ServiceNode[];
  readonly pulsar: SharedPulsar;
  /** Undefined where no service needs one. */
  readonly redis: RedisServer | undefined;
  readonly topic: string;
  readonly lanes: number;
  readonly leaseMs: number;
  readonly #folder: string;

  private constructor(
    parts: Pick<Rig, 'nodes' | 'pulsar' | 'redis' | 'topic' | 'lanes' | 'leaseMs'> & { readonly folder: string },
  ) {
    this.nodes = parts.nodes;
    this.pulsar = parts.pulsar;
    this.redis = parts.redis;
    this.topic = parts.topic;
    this.lanes = parts.lanes;
    this.leaseMs = parts.leaseMs;
    this.#folder = parts.folder;
  }

  /** Resolves when all services are ready. */
  static async start(options: RigOptions): Promise<Rig> {
    const pulsar = await sharedPulsar();
    const counts: Readonly<Record<Role, number>> = { api: 0, ...options, edge: options.edges };
    const needsRedis = counts.history + counts.presence + counts.api > 0;
    const redis = needsRedis
      ? await startRedis({ settings: { ...redisSettings, ...(options.redisKeeps === true ? kept : {}) } })
      : undefined;
    const folder = await mkdtemp(join(tmpdir(), 'pharos-rig-'));
    const topic = uniqueTopic('rig');
    const { lanes = 4, leaseMs = 10_000, drainMs = 500, seating = false } = options;
    const { channel, edge, apiSections } = options;
    const settings: RigSettings = {
      ...pulsar,
      redisUrl: redis?.url,
      topic,
      lanes,
      leaseMs,
      drainMs,
      ...(channel === undefined ? {} : { channel }),
      ...(edge === undefined ? {} : { edge }),
      ...(apiSections === undefined ? {} : { apiSections }),
    };
    const roles: Role[] = (['edge', 'history', 'presence', 'api'] as const).flatMap((role) =>
      Array.from({ length: counts[role] }, () => role),
    );
    const nodes = await Promise.all(
      roles.map((role, index) =>
        ServiceNode.create(role, `${role}-${index}`, folder, settingsOf(role, settings), seating && role === 'edge'),
      ),
    );
    const rig = new Rig({ nodes, pulsar, redis, topic, lanes, leaseMs, folder });
    try {
      await Promise.all(nodes.map((node) => node.start()));
      return rig;
    } catch (error) {
      await rig.stop();
      throw error;
    }
  }

  of(role: Role): readonly ServiceNode[] {
    return this.nodes.filter((node) => node.role === role);
  }

  get endpoints(): string[] {
    return this.of('edge').map(({ url }) => url);
  }

  /** What the log holds by now. */
  readLog(): ReturnType<typeof readLog> {
    return readLog({ ...this.pulsar, topic: this.topic });
  }

  /** What the log says of joins and leaves by now. */
  readLifecycle(): ReturnType<typeof readLifecycle> {
    return readLifecycle({ ...this.pulsar, topic: this.topic });
  }

  /** Ends all of it, whatever state it is in; resolves with the names of services that didn't end as they should. */
  async stop(): Promise<string[]> {
    const codes = await Promise.all(this.nodes.map(async (node) => ({ node, code: await node.stop() })));
    await this.redis?.stop();
    await rm(this.#folder, { recursive: true, force: true });
    return codes.filter(({ code }) => code !== 0).map(({ node, code }) => `${node.name}: exit code ${code}`);
  }
}

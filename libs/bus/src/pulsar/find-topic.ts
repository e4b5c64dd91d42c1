import { describeError } from '@pharos/errors';
import { AdminError, type Client, type PulsarAdmin } from '@pharos/pulsar-client';
import { BusError } from '../errors.ts';
import { configurationLimitations } from './broker-checks.ts';
import { ensureTopic, mustHaveLanes } from './ensure-topic.ts';
import { ensureLogPolicies } from './log-policies.ts';
import { heldPolicies } from './policy-reader.ts';
import { toBusError } from './pulsar-errors.ts';
import { topicAdmin } from './topic-admin.ts';
import { tryAdmin } from './try-admin.ts';

export interface FindTopicParts {
  readonly client: Client;
  readonly admin: PulsarAdmin;
  readonly adminUrl: string;
  readonly serviceUrl: string;
  readonly tailSubscription: 'failover' | 'exclusive';
  /** Full name. */
  readonly topic: string;
  readonly lanes: number | undefined;
  readonly retentionMinutes: number;
}

export interface FoundTopic {
  /** 0 for a plain topic. */
  readonly partitions: number;
  /** Empty where the admin API can't be had. */
  readonly epoch: string;
  readonly limitations: readonly string[];
}

/**
 * Finds or makes a log's topic, and looks at what the broker has. Without the admin API what exists is used, live only.
 *
 * @throws BusError `lanes-mismatch`, `unreachable`, `refused`
 */
export async function findTopic(parts: FindTopicParts): Promise<FoundTopic> {
  const ensured = await tryAdmin(() => ensureTopic(topicAdmin(parts.admin), parts.topic, parts.lanes));
  if (ensured instanceof AdminError && ensured.code === 'not-found') {
    const message = `'${parts.topic}' can't be made: ${describeError(ensured)}`;
    throw new BusError('refused', message, { cause: ensured });
  }
  const existing = await partitionsByClient(parts);
  if (ensured instanceof AdminError) return withoutAdmin(parts, existing, ensured);
  const configuration = await tryAdmin(() => parts.admin.getRuntimeConfiguration());
  const broker = configuration instanceof AdminError ? {} : configuration;
  const held = heldPolicies(parts.admin, parts.topic, true, broker);
  const limitations = [
    ...configurationLimitations(configuration, parts.tailSubscription),
    ...(await ensureLogPolicies(parts.admin, parts.topic, held, parts.retentionMinutes)),
  ];
  return { ...ensured, limitations };
}

function withoutAdmin(parts: FindTopicParts, existing: number, error: AdminError): FoundTopic {
  const { topic, lanes, adminUrl } = parts;
  const reason = `the admin API at ${adminUrl} can't be used (${describeError(error)}); set PHAROS_PULSAR_ADMIN_URL`;
  if (existing === 0 && lanes !== undefined && lanes > 1) {
    throw new BusError('unreachable', `'${topic}' can't be made with ${lanes} lanes: ${reason}`, { cause: error });
  }
  mustHaveLanes(topic, existing, lanes);
  return { partitions: existing, epoch: '', limitations: [`live delivery only, nothing is recoverable: ${reason}`] };
}

/** The same by the binary protocol, which also tells whether there is a Pulsar at all. */
export async function partitionsByClient(parts: FindTopicParts): Promise<number> {
  try {
    const names = await parts.client.getPartitionsForTopic(parts.topic);
    return names.length === 1 && names[0] === parts.topic ? 0 : names.length;
  } catch (error) {
    throw toBusError(error, `opening '${parts.topic}' on ${parts.serviceUrl}`);
  }
}

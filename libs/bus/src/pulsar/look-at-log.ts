import { describeError } from '@pharos/errors';
import { AdminError } from '@pharos/pulsar-client';
import { BusError } from '../errors.ts';
import { configurationLimitations } from './broker-checks.ts';
import { epochProperty, mustBeEpoch, mustHaveLanes } from './ensure-topic.ts';
import { type FindTopicParts, partitionsByClient } from './find-topic.ts';
import { lookAtLogPolicies } from './log-policies.ts';
import { heldPolicies, namespaceOf, takesTopicPolicies } from './policy-reader.ts';
import { tryAdmin } from './try-admin.ts';

/** What opening a log would find and do. */
export interface LogLook {
  /** Full name. */
  readonly topic: string;
  readonly isThere: boolean;
  /** That it has, or would be made with. */
  readonly lanes: number;
  /** Empty where it has none yet. */
  readonly epoch: string;
  /** What would be set, for the operator: what it is to be, and what it is. */
  readonly changes: readonly string[];
  /** As the opened log would have them. */
  readonly limitations: readonly string[];
  /** What opening would fail with. */
  readonly refusal: BusError | undefined;
}

/** Asks what opening the log would ask, and changes nothing. @throws AdminError where the admin API can't be had; BusError `unreachable` */
export async function lookAtLog(parts: FindTopicParts): Promise<LogLook> {
  const { admin, topic, tailSubscription } = parts;
  const partitions = answerOf(await tryAdmin(() => admin.getPartitions(topic)));
  const configuration = await tryAdmin(() => admin.getRuntimeConfiguration());
  const found = partitions === undefined ? absent(parts) : await present(parts, partitions);
  const refusal = found.refusal ?? (partitions === undefined ? await refusalOfNamespace(parts) : undefined);
  if (refusal !== undefined) return { ...found, topic, changes: [], limitations: [], refusal };
  const broker = configuration instanceof AdminError ? {} : configuration;
  const held = heldPolicies(admin, topic, found.isThere, broker);
  const policies = await lookAtLogPolicies(held, takesTopicPolicies(broker), parts.retentionMinutes);
  return {
    ...found,
    topic,
    changes: [...(found.isThere && found.epoch === '' ? ['an epoch, it has none'] : []), ...policies.changes],
    limitations: [...configurationLimitations(configuration, tailSubscription), ...policies.limitations],
    refusal: undefined,
  };
}

type Found = Pick<LogLook, 'isThere' | 'lanes' | 'epoch' | 'refusal'>;

function absent({ lanes = 1 }: FindTopicParts): Found {
  return { isThere: false, lanes, epoch: '', refusal: undefined };
}

async function present(parts: FindTopicParts, partitions: number): Promise<Found> {
  const { admin, topic } = parts;
  const lanes = Math.max(1, partitions);
  const random = answerOf(await tryAdmin(() => admin.getProperties(topic)))[epochProperty];
  const refusal = refusalBy(() => {
    mustHaveLanes(topic, partitions, parts.lanes);
    if (random !== undefined) mustBeEpoch(topic, random);
  });
  // Only of what is there: brokers may make what is asked for by the binary protocol.
  await partitionsByClient(parts);
  return { isThere: true, lanes, epoch: random === undefined ? '' : `${random}.${lanes}`, refusal };
}

/** A topic can't be made where its namespace isn't there. */
async function refusalOfNamespace({ admin, topic }: FindTopicParts): Promise<BusError | undefined> {
  const answer = await tryAdmin(() => admin.getRetention(namespaceOf(topic)));
  if (!(answer instanceof AdminError) || answer.code !== 'not-found') return undefined;
  return new BusError('refused', `'${topic}' can't be made: ${describeError(answer)}`, { cause: answer });
}

function refusalBy(check: () => void): BusError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof BusError) return error;
    throw error;
  }
}

function answerOf<T>(answer: T | AdminError): T {
  if (answer instanceof AdminError) throw answer;
  return answer;
}

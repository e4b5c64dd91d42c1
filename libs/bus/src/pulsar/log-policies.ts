import { describeError } from '@pharos/errors';
import { AdminError, type PulsarAdmin, type RetentionPolicy } from '@pharos/pulsar-client';
import type { PolicyReader } from './policy-reader.ts';
import { tryAdmin } from './try-admin.ts';

/** A policy of the topic's own, to be set. */
interface PolicyChange {
  /** For the operator: what it is to be, and what it is. */
  readonly what: string;
  readonly make: (admin: PulsarAdmin, topic: string) => Promise<void>;
}

interface LogPolicy {
  /** What goes wrong without it, as a limitation says it. */
  readonly without: string;
  /** How an operator would set it. */
  readonly remedy: string;
  /** What there is to set; nothing where that holds already, by whichever policy. */
  readonly missing: (held: PolicyReader) => Promise<readonly PolicyChange[]>;
}

const evict = 'consumer_backlog_eviction';

/**
 * What a log can't do without and brokers don't have by default. Set on the topic, not its namespace: the other topics
 * there are none of ours.
 */
function logPolicies(retentionMinutes: number): readonly LogPolicy[] {
  return [
    {
      without: 'a publication may come twice after a lost connection: deduplication is off',
      remedy: 'pulsar-admin namespaces set-deduplication --enable',
      missing: async (held) => {
        if (await held.isDeduplicated()) return [];
        return [
          { what: 'deduplication on, it is off', make: (admin, topic) => admin.setTopicDeduplication(topic, true) },
        ];
      },
    },
    {
      // Tails hold nothing back: without retention the broker forgets what they haven't read when a ledger closes.
      // And a store that was emptied is filled with what the log has.
      without: `publications may be gone before a tail that lost its connection is back, or history could be built anew: less than ${retentionMinutes} minutes are kept`,
      remedy: `pulsar-admin namespaces set-retention --time ${retentionMinutes}m --size -1`,
      missing: async (held) => {
        const retention = await held.retention();
        const { retentionTimeInMinutes: minutes, retentionSizeInMB: size } = retention;
        const enough = size !== 0 && (minutes < 0 || minutes >= retentionMinutes);
        if (enough) return [];
        const policy = { retentionTimeInMinutes: retentionMinutes, retentionSizeInMB: -1 };
        return [
          {
            what: `retention ${retentionText(policy)}, it is ${retentionText(retention)}`,
            make: (admin, topic) => admin.setTopicRetention(topic, policy),
          },
        ];
      },
    },
    {
      // The default where there is a quota. Who was away for longer is told that something is missing; nobody else is to suffer for it.
      without:
        'where the log has a backlog quota, publishing stops when a durable subscription (of the history service) is behind by that much',
      remedy: `pulsar-admin namespaces set-backlog-quota --policy ${evict}`,
      missing: async (held) =>
        [...(await held.backlogQuotas())]
          .filter(([, { limitSize, limitTime, policy }]) => (limitSize > 0 || limitTime > 0) && policy !== evict)
          .map(([type, quota]) => ({
            what: `backlog quota ${type} ${evict}, it is ${quota.policy}`,
            make: (admin, topic) => admin.setTopicBacklogQuota(topic, type, { ...quota, policy: evict }),
          })),
    },
    {
      without: 'the log is deleted, with its epoch, when nobody has used it for a minute',
      remedy: 'pulsar-admin namespaces set-inactive-topic-policies --disable-delete-while-inactive',
      missing: async (held) => {
        if (!(await held.isDeletedWhileInactive())) return [];
        return [
          {
            what: 'deletion while inactive off, it is on',
            make: (admin, topic) =>
              admin.setTopicInactivity(topic, {
                deleteWhileInactive: false,
                inactiveTopicDeleteMode: 'delete_when_no_subscriptions',
                maxInactiveDurationSeconds: 60,
              }),
          },
        ];
      },
    },
  ];
}

/** Gives the topic the policies of a log; one text for each that it lacks and can't be given. */
export async function ensureLogPolicies(
  admin: PulsarAdmin,
  topic: string,
  held: PolicyReader,
  retentionMinutes: number,
): Promise<string[]> {
  const limitations: string[] = [];
  // One after another: the broker reads, changes and writes the topic's policies as a whole.
  for (const policy of logPolicies(retentionMinutes)) {
    const failure = await tryAdmin(async () => {
      for (const change of await policy.missing(held)) await change.make(admin, topic);
    });
    if (failure !== undefined) limitations.push(cantBeSet(policy, describeError(failure)));
  }
  return limitations;
}

export interface PoliciesLook {
  /** What `ensureLogPolicies` would set. */
  readonly changes: readonly string[];
  /** What is known beforehand that it would fail at. */
  readonly limitations: readonly string[];
}

/**
 * Looks at the same, and sets nothing.
 *
 * @param areTaken whether the broker takes policies of topics
 */
export async function lookAtLogPolicies(
  held: PolicyReader,
  areTaken: boolean,
  retentionMinutes: number,
): Promise<PoliciesLook> {
  const changes: string[] = [];
  const limitations: string[] = [];
  for (const policy of logPolicies(retentionMinutes)) {
    const missing = await tryAdmin(() => policy.missing(held));
    if (missing instanceof AdminError) limitations.push(cantBeSet(policy, describeError(missing)));
    else if (areTaken) changes.push(...missing.map(({ what }) => what));
    else if (missing.length > 0) limitations.push(cantBeSet(policy, 'the broker takes no policies of topics'));
  }
  return { changes, limitations };
}

function cantBeSet({ without, remedy }: LogPolicy, reason: string): string {
  return (
    `${without}, and the topic's policy can't be set (${reason}); ` +
    `set topicLevelPoliciesEnabled=true on the broker, or run ${remedy}`
  );
}

function retentionText({ retentionTimeInMinutes: minutes, retentionSizeInMB: size }: RetentionPolicy): string {
  return `${minutes < 0 ? 'for ever' : `${minutes} minutes`} ${size < 0 ? 'of any size' : `of ${size} MB`}`;
}

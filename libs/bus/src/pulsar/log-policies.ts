import { describeError } from '@pharos/errors';
import type { AdminError, PulsarAdmin } from '@pharos/pulsar-client';

/** Runs a call of the admin API; its error is the answer where there is no other. */
export type TryAdmin = <T>(call: () => Promise<T>) => Promise<T | AdminError>;

interface LogPolicy {
  /** What goes wrong without it, as a limitation says it. */
  readonly without: string;
  /** How an operator would set it. */
  readonly remedy: string;
  /** Sets it where it isn't set already, by whichever policy. */
  readonly ensure: (admin: PulsarAdmin, topic: string) => Promise<void>;
}

/**
 * What a log can't do without and brokers don't have by default. Set on the topic, not its namespace: the other topics
 * there are none of ours.
 */
const evict = 'consumer_backlog_eviction';

function logPolicies(retentionMinutes: number): readonly LogPolicy[] {
  return [
    {
      without: 'a publication may come twice after a lost connection: deduplication is off',
      remedy: 'pulsar-admin namespaces set-deduplication --enable',
      ensure: async (admin, topic) => {
        if (!(await admin.isTopicDeduplicated(topic))) await admin.setTopicDeduplication(topic, true);
      },
    },
    {
      // Tails hold nothing back: without retention the broker forgets what they haven't read when a ledger closes.
      // And a store that was emptied is filled with what the log has.
      without: `publications may be gone before a tail that lost its connection is back, or history could be built anew: less than ${retentionMinutes} minutes are kept`,
      remedy: `pulsar-admin namespaces set-retention --time ${retentionMinutes}m --size -1`,
      ensure: async (admin, topic) => {
        const { retentionTimeInMinutes: minutes, retentionSizeInMB: size } = await admin.getTopicRetention(topic);
        const enough = size !== 0 && (minutes < 0 || minutes >= retentionMinutes);
        if (enough) return;
        await admin.setTopicRetention(topic, { retentionTimeInMinutes: retentionMinutes, retentionSizeInMB: -1 });
      },
    },
    {
      // The default where there is a quota. Who was away for longer is told that something is missing; nobody else is to suffer for it.
      without:
        'where the log has a backlog quota, publishing stops when a durable subscription (of the history service) is behind by that much',
      remedy: `pulsar-admin namespaces set-backlog-quota --policy ${evict}`,
      ensure: async (admin, topic) => {
        for (const [type, quota] of await admin.getTopicBacklogQuotas(topic)) {
          const limits = quota.limitSize > 0 || quota.limitTime > 0;
          if (limits && quota.policy !== evict) {
            await admin.setTopicBacklogQuota(topic, type, { ...quota, policy: evict });
          }
        }
      },
    },
    {
      without: 'the log is deleted, with its epoch, when nobody has used it for a minute',
      remedy: 'pulsar-admin namespaces set-inactive-topic-policies --disable-delete-while-inactive',
      ensure: async (admin, topic) => {
        if (!(await admin.isTopicDeletedWhileInactive(topic))) return;
        await admin.setTopicInactivity(topic, {
          deleteWhileInactive: false,
          inactiveTopicDeleteMode: 'delete_when_no_subscriptions',
          maxInactiveDurationSeconds: 60,
        });
      },
    },
  ];
}

/** Gives the topic the policies of a log; one text for each that it lacks and can't be given. */
export async function ensureLogPolicies(
  admin: PulsarAdmin,
  topic: string,
  retentionMinutes: number,
  tryAdmin: TryAdmin,
): Promise<string[]> {
  const limitations: string[] = [];
  // One after another: the broker reads, changes and writes the topic's policies as a whole.
  for (const policy of logPolicies(retentionMinutes)) {
    const failure = await tryAdmin(() => policy.ensure(admin, topic));
    if (failure === undefined) continue;
    limitations.push(
      `${policy.without}, and the topic's policy can't be set (${describeError(failure)}); ` +
        `set topicLevelPoliciesEnabled=true on the broker, or run ${policy.remedy}`,
    );
  }
  return limitations;
}

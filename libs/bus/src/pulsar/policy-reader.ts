import type { BacklogQuota, BacklogQuotaType, Properties, PulsarAdmin, RetentionPolicy } from '@pharos/pulsar-client';
import { parseTopic } from '../topic.ts';

/** What holds for a topic of what a log needs, whichever policy says so. Calls throw AdminError. */
export interface PolicyReader {
  isDeduplicated(): Promise<boolean>;
  retention(): Promise<RetentionPolicy>;
  backlogQuotas(): Promise<ReadonlyMap<BacklogQuotaType, BacklogQuota>>;
  isDeletedWhileInactive(): Promise<boolean>;
}

/**
 * @param topic full name
 * @param isThere whether there is the topic; where there is none, what it would have
 * @param broker its running configuration
 */
export function heldPolicies(admin: PulsarAdmin, topic: string, isThere: boolean, broker: Properties): PolicyReader {
  // Brokers without policies of topics refuse the question what holds for one.
  return isThere && takesTopicPolicies(broker)
    ? policiesOfTopic(admin, topic)
    : policiesOfNamespace(admin, topic, broker);
}

export function takesTopicPolicies(broker: Properties): boolean {
  return broker['topicLevelPoliciesEnabled'] !== 'false';
}

/** `tenant/namespace` of a topic. */
export function namespaceOf(topic: string): string {
  const { tenant, namespace } = parseTopic(topic);
  return `${tenant}/${namespace}`;
}

function policiesOfTopic(admin: PulsarAdmin, topic: string): PolicyReader {
  return {
    isDeduplicated: () => admin.isTopicDeduplicated(topic),
    retention: () => admin.getTopicRetention(topic),
    backlogQuotas: () => admin.getTopicBacklogQuotas(topic),
    isDeletedWhileInactive: () => admin.isTopicDeletedWhileInactive(topic),
  };
}

/** What its namespace says, and where that says nothing, the broker. */
function policiesOfNamespace(admin: PulsarAdmin, topic: string, broker: Properties): PolicyReader {
  const namespace = namespaceOf(topic);
  const number = (name: string, otherwise: number): number => Number(broker[name] ?? otherwise);
  return {
    isDeduplicated: async () =>
      (await admin.getDeduplication(namespace)) ?? broker['brokerDeduplicationEnabled'] === 'true',
    retention: async () =>
      (await admin.getRetention(namespace)) ?? {
        retentionTimeInMinutes: number('defaultRetentionTimeInMinutes', 0),
        retentionSizeInMB: number('defaultRetentionSizeInMB', 0),
      },
    backlogQuotas: async () => {
      const policy = (broker['backlogQuotaDefaultRetentionPolicy'] ??
        'producer_request_hold') as BacklogQuota['policy'];
      const limitSize = number('backlogQuotaDefaultLimitBytes', -1);
      const limitTime = number('backlogQuotaDefaultLimitSecond', -1);
      return new Map<BacklogQuotaType, BacklogQuota>([
        ['destination_storage', { limitSize, limitTime: -1, policy }],
        ['message_age', { limitSize: -1, limitTime, policy }],
        ...(await admin.getBacklogQuotas(namespace)),
      ]);
    },
    isDeletedWhileInactive: async () =>
      (await admin.isDeletedWhileInactive(namespace)) ?? broker['brokerDeleteInactiveTopicsEnabled'] !== 'false',
  };
}

import { integer, mustHold, refuseUnknown, text } from '../options.ts';
import { formatTopicName, parseTopicName } from '../topic-name.ts';
import type { ConsumerConfig } from './consumer-config.ts';

/** What becomes of messages that the application can't deal with. */
export interface DeadLetterPolicy {
  /** @default `<topic>-<subscription>-DLQ` */
  readonly deadLetterTopic?: string;
  /** How often a message may come again: the next time it goes to the dead letter topic. @default 16 with `retryEnable`, else there is none */
  readonly maxRedeliverCount?: number;
  /** Where `reconsumeLater` has messages wait. @default `<topic>-<subscription>-RETRY` */
  readonly retryLetterTopic?: string;
  /** A subscription that is made with the dead letter topic, so that its messages are kept for somebody. */
  readonly initialSubscriptionName?: string;
}

export interface LetterSettings {
  /** Full names. */
  readonly deadLetterTopic: string;
  /** `undefined`: messages are not put off. */
  readonly retryLetterTopic: string | undefined;
  readonly maxRedeliverCount: number;
  readonly initialSubscriptionName: string | undefined;
}

const kind = 'ConsumerConfig deadLetterPolicy';
/** As in the Java client. */
const defaultMaxRetries = 16;

/** @throws PulsarError `InvalidConfiguration` */
export function letterSettings(config: ConsumerConfig, topic: string, shared: boolean): LetterSettings | undefined {
  const { deadLetterPolicy, retryEnable = false, subscription } = config;
  if (deadLetterPolicy === undefined && !retryEnable) return undefined;
  const policy: DeadLetterPolicy = deadLetterPolicy ?? {};
  const names = ['deadLetterTopic', 'maxRedeliverCount', 'retryLetterTopic', 'initialSubscriptionName'];
  refuseUnknown(kind, policy, names, {});
  const option = deadLetterPolicy === undefined ? 'retryEnable' : 'deadLetterPolicy';
  mustHold(
    'ConsumerConfig',
    shared,
    `${option} needs 'Shared' or 'KeyShared': the broker counts redeliveries for these alone`,
  );
  const persistent = topic.startsWith('persistent:');
  mustHold('ConsumerConfig', persistent, `${option} needs a persistent topic: what isn't kept does not come again`);
  mustHold(kind, retryEnable || policy.retryLetterTopic === undefined, 'retryLetterTopic needs retryEnable');
  mustHold(kind, retryEnable || policy.maxRedeliverCount !== undefined, 'maxRedeliverCount is missing');
  const whole = topic.replace(/-partition-\d+$/, '');
  const nameOf = (name: 'deadLetterTopic' | 'retryLetterTopic', suffix: string): string => {
    const given = policy[name];
    if (given === undefined) return `${whole}-${subscription}-${suffix}`;
    return formatTopicName(parseTopicName(text(kind, name, given)));
  };
  const deadLetterTopic = nameOf('deadLetterTopic', 'DLQ');
  const retryLetterTopic = retryEnable ? nameOf('retryLetterTopic', 'RETRY') : undefined;
  const topics = [whole, deadLetterTopic, ...(retryLetterTopic === undefined ? [] : [retryLetterTopic])];
  mustHold(kind, new Set(topics).size === topics.length, 'deadLetterTopic, retryLetterTopic and topic must differ');
  const { initialSubscriptionName } = policy;
  return {
    deadLetterTopic,
    retryLetterTopic,
    maxRedeliverCount: integer(kind, 'maxRedeliverCount', policy.maxRedeliverCount, defaultMaxRetries, 1),
    initialSubscriptionName:
      initialSubscriptionName === undefined
        ? undefined
        : text(kind, 'initialSubscriptionName', initialSubscriptionName),
  };
}

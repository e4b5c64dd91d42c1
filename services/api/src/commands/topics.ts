import { type LogSpec, parseTopic } from '@pharos/bus';

import type { CommandsConfig } from '../config.ts';

/** What lies on Pulsar for the section `commands`. */
export interface CommandTopics {
  /** Full name. */
  readonly topic: string;
  /** Durable; of all replicas. */
  readonly subscription: string;
  readonly deadLetters: LogSpec;
}

/** Undefined where no commands are taken. @throws BusError `invalid-topic` */
export function commandTopics(config: CommandsConfig): CommandTopics | undefined {
  if (config.topic === undefined) return undefined;
  const topic = parseTopic(config.topic).full;
  const deadLetterTopic = config.dead_letter_topic ?? `${topic}-dead-letter`;
  return {
    topic,
    subscription: config.subscription,
    deadLetters: { topic: deadLetterTopic, keepMs: config.dead_letter_ttl },
  };
}

import { AdminError, type PulsarAdmin } from '@pharos/pulsar-client';
import type { TopicAdmin } from './ensure-topic.ts';

/** The admin API as opening a log wants it: that a topic is there already is an answer, not an error. */
export function topicAdmin(admin: PulsarAdmin): TopicAdmin {
  return {
    partitions: (topic) => admin.getPartitions(topic),
    createTopic: async (topic, partitions, properties) => {
      try {
        if (partitions > 0) await admin.createPartitionedTopic(topic, partitions, properties);
        else await admin.createNonPartitionedTopic(topic, properties);
        return true;
      } catch (error) {
        if (error instanceof AdminError && error.code === 'conflict') return false;
        throw error;
      }
    },
    properties: async (topic) => {
      try {
        return await admin.getProperties(topic);
      } catch (error) {
        if (error instanceof AdminError && error.code === 'not-found') return undefined;
        throw error;
      }
    },
    addProperties: (topic, properties) => admin.updateProperties(topic, properties),
  };
}

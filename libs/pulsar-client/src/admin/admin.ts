import type { PulsarAdminConfig, RetentionPolicy } from './admin-types.ts';

export declare class PulsarAdmin {
  constructor(config: PulsarAdminConfig);
  createPartitionedTopic(
    topic: string,
    partitions: number,
    properties?: Readonly<Record<string, string>>,
  ): Promise<void>;
  createNonPartitionedTopic(topic: string, properties?: Readonly<Record<string, string>>): Promise<void>;
  /** 0: not partitioned, existing or not. */
  getPartitions(topic: string): Promise<number>;
  listTopics(namespace: string): Promise<string[]>;
  getProperties(topic: string): Promise<Record<string, string>>;
  updateProperties(topic: string, properties: Readonly<Record<string, string>>): Promise<void>;
  getRetention(namespace: string): Promise<RetentionPolicy | undefined>;
  setRetention(namespace: string, policy: RetentionPolicy): Promise<void>;
  getDeduplication(namespace: string): Promise<boolean | undefined>;
  setDeduplication(namespace: string, enabled: boolean): Promise<void>;
  getStats(topic: string): Promise<Record<string, unknown>>;
  getInternalStats(topic: string): Promise<Record<string, unknown>>;
  runtimeConfiguration(): Promise<Record<string, string>>;
  isReady(): Promise<boolean>;
  unload(topic: string): Promise<void>;
  delete(topic: string, options?: { readonly force?: boolean }): Promise<void>;
}

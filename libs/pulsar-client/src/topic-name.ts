import { PulsarError } from './errors.ts';

export interface TopicName {
  readonly domain: 'persistent' | 'non-persistent';
  readonly tenant: string;
  readonly namespace: string;
  readonly local: string;
  /** −1: not a partition's own topic. */
  readonly partition: number;
}

export function parseTopicName(text: string): TopicName {
  const match = /^(?:(persistent|non-persistent):\/\/)?(.+)$/.exec(text);
  const rest = match?.[2] ?? '';
  const parts = rest.split('/');
  const domain = (match?.[1] ?? 'persistent') as TopicName['domain'];
  const full = parts.length === 1 && match?.[1] === undefined ? ['public', 'default', rest] : parts;
  if (full.length !== 3 || full.some((part) => part === '')) {
    throw new PulsarError(
      'InvalidTopicName',
      `topic '${text}': expected persistent://tenant/namespace/topic, or a short name`,
    );
  }
  const [tenant, namespace, local] = full as [string, string, string];
  const partition = /-partition-(\d+)$/.exec(local)?.[1];
  return { domain, tenant, namespace, local, partition: partition === undefined ? -1 : Number(partition) };
}

export function formatTopicName(name: TopicName): string {
  return `${name.domain}://${name.tenant}/${name.namespace}/${name.local}`;
}

/** Full name of one partition of a topic. */
export function partitionName(name: TopicName, partition: number): string {
  return `${formatTopicName(name)}-partition-${partition}`;
}

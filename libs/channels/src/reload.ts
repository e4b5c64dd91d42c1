import { parseTopic } from '@pharos/bus';

import { defaultNamespace } from './channel-name.ts';
import type { ChannelConfig, NamespaceConfig } from './options.ts';

/**
 * The channels of a new configuration as a running process can take them up: a namespace keeps its log and lanes, because those
 * who are subscribed follow them, and would hear nothing of what is published elsewhere.
 */
export function keepingLogs(
  running: ChannelConfig,
  next: ChannelConfig,
): { readonly channel: ChannelConfig /** The settings that were kept and need a restart. */; readonly kept: string[] } {
  const kept: string[] = [];
  const keep = <T extends NamespaceConfig>(name: string, before: NamespaceConfig | undefined, after: T): T => {
    if (before === undefined) return after;
    const isMoved = parseTopic(before.log).full !== parseTopic(after.log).full;
    if (isMoved) kept.push(`log of namespace ${name}`);
    if (before.lanes !== after.lanes) kept.push(`lanes of namespace ${name}`);
    return { ...after, log: before.log, lanes: before.lanes };
  };
  const namespaces = next.namespaces.map((after) =>
    keep(
      after.name,
      running.namespaces.find(({ name }) => name === after.name),
      after,
    ),
  );
  const without = keep(defaultNamespace, running.without_namespace, next.without_namespace);
  return { channel: { ...next, without_namespace: without, namespaces }, kept };
}

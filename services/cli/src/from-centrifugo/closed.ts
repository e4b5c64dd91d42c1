import { describeConfig, isMap, type z } from '@pharos/config';
import { parse } from 'yaml';

type Tree = Record<string, unknown>;

/** Where a service listens and how it stops opens nothing. */
const harmless = new Set(['internal.listen', 'drain_timeout', 'pulsar.url']);
const eachNamespace = 'channel.namespaces.<index>.';

/**
 * Says what the settings leave out, wherever that would be another thing to one service than to another: what Centrifugo keeps closed unless it
 * is told otherwise must not be open because a service is meant for a first look.
 *
 * @param service whose settings they are
 * @param closed whose defaults are meant
 */
export function sayDefaultsOf(config: Tree, service: z.ZodType, closed: z.ZodType): void {
  const meant = new Map(describeConfig(closed).map((setting) => [setting.path, setting.default]));
  for (const { path, default: own } of describeConfig(service)) {
    const wanted = meant.get(path);
    if (wanted === undefined || wanted === own || harmless.has(path)) continue;
    const value: unknown = parse(wanted);
    if (!path.startsWith(eachNamespace)) say(config, path.split('.'), value);
    else for (const one of namespacesIn(config)) say(one, [path.slice(eachNamespace.length)], value);
  }
}

function say(tree: Tree, path: readonly string[], value: unknown): void {
  let at = tree;
  for (const name of path.slice(0, -1)) {
    const inner = (at[name] ??= {});
    if (!isMap(inner)) return;
    at = inner;
  }
  at[path.at(-1) as string] ??= value;
}

function namespacesIn({ channel }: Tree): Tree[] {
  const list = isMap(channel) ? channel['namespaces'] : undefined;
  return Array.isArray(list) ? list.filter(isMap) : [];
}

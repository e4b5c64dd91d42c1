import type { z } from '@pharos/config';
import {
  type ChannelProxies,
  type ChannelProxyKind,
  channelProxyKinds,
  defaultProxy,
  type NamedProxyConfig,
} from './config.ts';
import type { RpcConfig } from './rpc-config.ts';

type Options = Readonly<Record<`${ChannelProxyKind}_proxy_enabled`, boolean>> &
  Readonly<Record<`${ChannelProxyKind}_proxy_name`, string>>;

/** The section `channel`, as far as it is about proxies. */
export interface ProxiedChannels {
  readonly proxy: ChannelProxies;
  readonly without_namespace: Options;
  readonly namespaces: readonly Options[];
}

/** Says which namespaces name a proxy that there isn't. */
export function refuseMissingChannelProxies(
  channel: ProxiedChannels,
  named: readonly NamedProxyConfig[],
  context: z.RefinementCtx,
): void {
  const check = (path: readonly (string | number)[], options: Options): void => {
    for (const kind of channelProxyKinds) {
      if (!options[`${kind}_proxy_enabled`]) continue;
      const own = { path: `channel.proxy.${kind}`, isThere: channel.proxy[kind].endpoint !== undefined };
      refuse(['channel', ...path], kind, options[`${kind}_proxy_name`], own, named, context);
    }
  };
  check(['without_namespace'], channel.without_namespace);
  for (const [index, options] of channel.namespaces.entries()) check(['namespaces', index], options);
}

/** The same of namespaces of methods. */
export function refuseMissingRpcProxies(
  rpc: RpcConfig,
  named: readonly NamedProxyConfig[],
  context: z.RefinementCtx,
): void {
  const own = { path: 'rpc.proxy', isThere: rpc.proxy.endpoint !== undefined };
  for (const [path, options] of [
    [['without_namespace'], rpc.without_namespace] as const,
    ...rpc.namespaces.map((one, index) => [['namespaces', index], one] as const),
  ]) {
    if (options.proxy_enabled) refuse(['rpc', ...path], '', options.proxy_name, own, named, context);
  }
}

function refuse(
  path: readonly (string | number)[],
  kind: string,
  name: string,
  own: { readonly path: string; readonly isThere: boolean },
  named: readonly NamedProxyConfig[],
  context: z.RefinementCtx,
): void {
  if (name === defaultProxy ? own.isThere : named.some((one) => one.name === name)) return;
  const prefix = kind === '' ? '' : `${kind}_`;
  const field = `${prefix}proxy_${name === defaultProxy ? 'enabled' : 'name'}`;
  const message =
    name === defaultProxy
      ? `expected ${own.path}.endpoint to be set, or the name of one of proxies in ${prefix}proxy_name`
      : `expected default (${own.path}) or the name of one of proxies`;
  context.addIssue({ code: 'custom', path: [...path, field], message });
}

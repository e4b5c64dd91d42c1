export type { Answer } from './answer.ts';
export {
  type ChannelProxies,
  type ChannelProxyKind,
  channelProxyKinds,
  channelProxySection,
  type ClientProxies,
  clientProxySection,
  defaultProxy,
  type NamedProxyConfig,
  namedProxiesSection,
} from './config.ts';
export { ProxyError, type ProxyErrorCode, proxyErrors } from './errors.ts';
export { ProxyMetrics } from './metrics.ts';
export { type ProxiedChannels, refuseMissingChannelProxies, refuseMissingRpcProxies } from './names.ts';
export { type ConnectQuestion, Proxies, type ProxiesConfig, type RpcRoute } from './proxies.ts';
export { type AskingClient, type ClientHeaders, noClient } from './request.ts';
export type { ConnectionResult, PublishResult, RefreshResult, SubscriptionResult } from './results.ts';
export { type RpcConfig, rpcSection } from './rpc-config.ts';

import { isDeepStrictEqual } from 'node:util';

import type { Logger } from '@pharos/telemetry';
import type { RawData } from '@pharos/client-protocol';
import type { Answer } from './answer.ts';
import {
  type ChannelProxies,
  channelProxyKinds,
  type ClientProxies,
  defaultProxy,
  type NamedProxyConfig,
  type ProxyConfig,
} from './config.ts';
import type { ProxyMetrics } from './metrics.ts';
import { Proxy, type ProxyKind } from './proxy.ts';
import type { AskingClient } from './request.ts';
import {
  connectionResult,
  type ConnectionResult,
  publishResult,
  type PublishResult,
  refreshResult,
  type RefreshResult,
  rpcResult,
  type RpcResult,
  subscriptionResult,
  type SubscriptionResult,
} from './results.ts';
import { type RpcConfig, rpcOptionsOf } from './rpc-config.ts';

/** The sections of a configuration that are about proxies. */
export interface ProxiesConfig {
  /** Without it nothing of the whole connection is asked. */
  readonly client?: ClientProxies;
  readonly channel?: ChannelProxies;
  readonly rpc: RpcConfig;
  readonly named: readonly NamedProxyConfig[];
}

/** What a client says when it connects. */
export interface ConnectQuestion {
  readonly data: RawData | undefined;
  readonly name: string;
  readonly version: string;
  /** That it wants to be subscribed to. */
  readonly channels: readonly string[];
}

/** How a method is answered: by nobody, at once with nothing, or by the backend. */
export type RpcRoute = 'unknown' | 'off' | 'ping' | Proxy;

const connectKey = `connect/${defaultProxy}`;
const refreshKey = `refresh/${defaultProxy}`;

/** Those of one configuration. */
interface ProxySet {
  readonly rpc: RpcConfig;
  /** By kind and name. */
  readonly all: ReadonlyMap<string, Proxy>;
  readonly transportHeaders: readonly string[];
  readonly emulatedHeaders: readonly string[];
}

/** The application's backend, as far as it is asked; every question fails with a ProxyError where it gives no answer. */
export class Proxies {
  readonly #metrics: ProxyMetrics;
  readonly #logger: Logger;
  #set: ProxySet;
  /** Of former configurations, while something is asked of them. */
  readonly #retired = new Set<Proxy>();

  constructor(config: ProxiesConfig, metrics: ProxyMetrics, logger: Logger) {
    this.#metrics = metrics;
    this.#logger = logger;
    this.#set = this.#make(config, new Map());
    metrics.readWaiting = () =>
      [...this.#set.all.values()].map(({ kind, name, waiting }) => ({ kind, proxy: name, waiting }));
  }

  /** Gets ready for another configuration; the call of what it returns puts that in force. What is under way is answered as it was asked. */
  prepare(config: ProxiesConfig): () => void {
    const next = this.#make(config, this.#set.all);
    return () => {
      const former = this.#set;
      this.#set = next;
      for (const [key, proxy] of former.all) {
        if (next.all.get(key) === proxy) continue;
        void this.#retire(proxy);
      }
    };
  }

  async #retire(proxy: Proxy): Promise<void> {
    this.#retired.add(proxy);
    await proxy.settled();
    await proxy.stop();
    this.#retired.delete(proxy);
  }

  #make({ client, channel, rpc, named }: ProxiesConfig, former: ReadonlyMap<string, Proxy>): ProxySet {
    const all = new Map<string, Proxy>();
    const add = (kind: ProxyKind, name: string, config: ProxyConfig): void => {
      const { endpoint } = config;
      if (endpoint === undefined) return;
      const key = `${kind}/${name}`;
      const known = former.get(key);
      // One that is as it was keeps its connections.
      if (known !== undefined && isDeepStrictEqual(known.config, config)) all.set(key, known);
      else all.set(key, new Proxy({ kind, name, endpoint, config, metrics: this.#metrics, logger: this.#logger }));
    };
    if (client?.connect.enabled === true) add('connect', defaultProxy, client.connect);
    if (client?.refresh.enabled === true) add('refresh', defaultProxy, client.refresh);
    if (channel !== undefined) for (const kind of channelProxyKinds) add(kind, defaultProxy, channel[kind]);
    add('rpc', defaultProxy, rpc.proxy);
    const kinds: readonly ProxyKind[] = channel === undefined ? ['rpc'] : [...channelProxyKinds, 'rpc'];
    for (const one of named) for (const kind of kinds) add(kind, one.name, one);
    const configs = [...all.values()].map(({ config }) => config);
    return {
      rpc,
      all,
      transportHeaders: [...new Set(configs.flatMap(({ http_headers: names }) => names))],
      emulatedHeaders: [...new Set(configs.flatMap(({ emulated_headers: names }) => names))],
    };
  }

  /** Whether the backend is asked about clients that come without a token. */
  get asksOnConnect(): boolean {
    return this.#set.all.has(connectKey);
  }

  /** Whether the backend is asked when a connection expires, and not its client. */
  get asksOnExpiry(): boolean {
    return this.#set.all.has(refreshKey);
  }

  /** Headers of a connection request that some proxy forwards. @param header the value of one, or the empty string */
  transportHeaders(header: (name: string) => string): ReadonlyMap<string, string> | undefined {
    return found(this.#set.transportHeaders, header);
  }

  /** The same of what a client claims, whose names are in any case. */
  emulatedHeaders(claimed: ReadonlyMap<string, string>): ReadonlyMap<string, string> | undefined {
    const { emulatedHeaders: names } = this.#set;
    if (names.length === 0 || claimed.size === 0) return undefined;
    const byName = new Map([...claimed].map(([name, value]) => [name.toLowerCase(), value]));
    return found(names, (name) => byName.get(name) ?? '');
  }

  connect(asking: AskingClient, { data, name, version, channels }: ConnectQuestion): Promise<Answer<ConnectionResult>> {
    const texts = { ...(name === '' ? {} : { name }), ...(version === '' ? {} : { version }) };
    const asked = channels.length === 0 ? texts : { ...texts, channels };
    return this.#of('connect', defaultProxy).ask(asking, { texts: asked, data, anonymous: true }, connectionResult);
  }

  refresh(asking: AskingClient): Promise<Answer<RefreshResult>> {
    return this.#of('refresh', defaultProxy).ask(asking, {}, refreshResult);
  }

  subscribe(
    name: string,
    asking: AskingClient,
    channel: string,
    data: RawData | undefined,
  ): Promise<Answer<SubscriptionResult>> {
    return this.#of('subscribe', name).ask(asking, { texts: { channel }, data }, subscriptionResult);
  }

  publish(name: string, asking: AskingClient, channel: string, data: RawData): Promise<Answer<PublishResult>> {
    return this.#of('publish', name).ask(asking, { texts: { channel }, data }, publishResult);
  }

  subRefresh(name: string, asking: AskingClient, channel: string): Promise<Answer<RefreshResult>> {
    return this.#of('sub_refresh', name).ask(asking, { texts: { channel } }, refreshResult);
  }

  /** Who answers a method. */
  rpcRoute(method: string): RpcRoute {
    const { rpc } = this.#set;
    const { ping } = rpc;
    if (ping.enabled && method === ping.method) return 'ping';
    const options = rpcOptionsOf(rpc, method);
    if (options === undefined) return 'unknown';
    return options.proxy_enabled ? this.#of('rpc', options.proxy_name) : 'off';
  }

  rpc(proxy: Proxy, asking: AskingClient, method: string, data: RawData | undefined): Promise<Answer<RpcResult>> {
    return proxy.ask(asking, { texts: { method }, data }, rpcResult);
  }

  /** Resolves when nothing is asked any more. */
  async settled(): Promise<void> {
    for (const proxy of [...this.#set.all.values(), ...this.#retired]) await proxy.settled();
  }

  async stop(): Promise<void> {
    const all = [...this.#set.all.values(), ...this.#retired];
    await Promise.all(all.map((proxy) => proxy.stop()));
  }

  #of(kind: ProxyKind, name: string): Proxy {
    const proxy = this.#set.all.get(`${kind}/${name}`);
    // The configuration's check lets no name through that isn't there.
    if (proxy === undefined) throw new TypeError(`no proxy ${name} is configured for ${kind}`);
    return proxy;
  }
}

function found(names: readonly string[], value: (name: string) => string): ReadonlyMap<string, string> | undefined {
  if (names.length === 0) return undefined;
  const headers = new Map<string, string>();
  for (const name of names) {
    const text = value(name);
    if (text !== '') headers.set(name, text);
  }
  return headers.size === 0 ? undefined : headers;
}

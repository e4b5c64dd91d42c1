import type { TestContext } from 'node:test';
import { type Answering, HttpBackend } from '@pharos/testkit';

export interface ProxiedOptions {
  /** Of the connection; off where it isn't said. */
  readonly connect?: boolean;
  readonly refresh?: boolean;
  /** Options of each proxy, by the names of variables behind that of the proxy. */
  readonly each?: Readonly<Record<string, string>>;
  /** Of channels without a namespace. */
  readonly channels?: readonly ('SUBSCRIBE' | 'PUBLISH' | 'SUB_REFRESH')[];
}

/** An application's backend, which is asked under `/connect`, `/refresh`, `/subscribe`, `/publish`, `/sub_refresh` and `/rpc`. */
export async function startBackend(
  t: TestContext,
  answering: Answering,
  { connect = false, refresh = false, each = {}, channels = [] }: ProxiedOptions = {},
): Promise<{ readonly backend: HttpBackend; readonly env: Readonly<Record<string, string>> }> {
  const backend = await HttpBackend.start(t, answering);
  const env: Record<string, string> = {
    PHAROS_CHAT_ENABLED: 'false',
    PHAROS_CLIENT_PROXY_CONNECT_ENABLED: String(connect),
    PHAROS_CLIENT_PROXY_REFRESH_ENABLED: String(refresh),
    PHAROS_RPC_WITHOUT_NAMESPACE_PROXY_ENABLED: 'true',
  };
  const proxies = {
    CLIENT_PROXY_CONNECT: '/connect',
    CLIENT_PROXY_REFRESH: '/refresh',
    CHANNEL_PROXY_SUBSCRIBE: '/subscribe',
    CHANNEL_PROXY_PUBLISH: '/publish',
    CHANNEL_PROXY_SUB_REFRESH: '/sub_refresh',
    RPC_PROXY: '/rpc',
  };
  for (const [name, path] of Object.entries(proxies)) {
    env[`PHAROS_${name}_ENDPOINT`] = backend.url(path);
    for (const [option, value] of Object.entries({ TIMEOUT: '60s', ...each })) env[`PHAROS_${name}_${option}`] = value;
  }
  for (const kind of channels) env[`PHAROS_CHANNEL_WITHOUT_NAMESPACE_${kind}_PROXY_ENABLED`] = 'true';
  return { backend, env };
}

import { isMap } from '@pharos/config';

import type { Left } from './convert.ts';

type Tree = Record<string, unknown>;

/** What decided in a namespace, and what would decide without it. */
const deciders = [
  ['subscribe_proxy_enabled', 'allow_subscribe_for_'],
  ['subscribe_stream_proxy_enabled', 'allow_subscribe_for_'],
  ['publish_proxy_enabled', 'allow_publish_for_'],
  ['subscribe_stream_proxy_enabled', 'allow_publish_for_'],
] as const;
const whom = ['client', 'anonymous', 'subscriber'] as const;

/** Brings what a Centrifugo says of its proxies into the form that Pharos has for it; what it can't have is named. */
export function moveProxies(source: Tree, left: Left[]): void {
  const proxies: (readonly [string, unknown])[] = [];
  for (const [path, kinds] of [
    ['client.proxy', ['connect', 'refresh']],
    ['channel.proxy', ['subscribe', 'publish', 'sub_refresh']],
    ['rpc', ['proxy']],
  ] as const) {
    const at = path.split('.').reduce<unknown>((tree, name) => (isMap(tree) ? tree[name] : undefined), source);
    if (isMap(at)) for (const kind of kinds) proxies.push([`${path}.${kind}`, at[kind]]);
  }
  const named = source['proxies'];
  if (Array.isArray(named)) for (const [index, proxy] of named.entries()) proxies.push([`proxies[${index}]`, proxy]);
  for (const [path, proxy] of proxies) if (isMap(proxy)) move(proxy, path, left);
}

function move(proxy: Tree, path: string, left: Left[]): void {
  const { endpoint, http } = proxy;
  if (typeof endpoint === 'string' && endpoint !== '' && !/^https?:\/\//.test(endpoint)) {
    delete proxy['endpoint'];
    left.push({ name: `${path}.endpoint`, why: 'Pharos asks backends over HTTP (http:// or https://), not over gRPC' });
  }
  if (!isMap(http)) return;
  const transforms = http['status_to_code_transforms'];
  if (Array.isArray(transforms)) for (const transform of transforms) if (isMap(transform)) dropEmpty(transform);
  const { tls } = http;
  if (isMap(tls)) moveTls(http, tls);
}

/** A code of 0 is none there. */
function dropEmpty(transform: Tree): void {
  for (const name of ['to_error', 'to_disconnect']) {
    const value = transform[name];
    if (isMap(value) && (value['code'] ?? 0) === 0) delete transform[name];
  }
}

/** Only where they are names of files. */
const files: Readonly<Record<string, string>> = {
  server_ca_pem: 'ca_file',
  cert_pem: 'cert_file',
  key_pem: 'key_file',
};

function moveTls(http: Tree, tls: Tree): void {
  if (tls['enabled'] !== true) {
    delete http['tls'];
    return;
  }
  delete tls['enabled'];
  for (const [name, ours] of Object.entries(files)) {
    const value = tls[name];
    if (typeof value !== 'string' || !/^[./~\w-][^\n]*\.(pem|crt|cer|key)$/.test(value)) continue;
    tls[ours] = value;
    delete tls[name];
  }
  if (tls['insecure_skip_verify'] === true) {
    tls['allow_insecure'] = true;
    delete tls['insecure_skip_verify'];
  }
}

/** Where a proxy decided that isn't there any more, nobody may what it decided: else all might whom Centrifugo never asked about. */
export function closeWhatLostItsProxy(source: Tree, config: Tree, left: Left[]): void {
  for (const [path, before, after] of namespacesOf(source, config)) {
    for (const [decider, allows] of deciders) {
      if (!isOn(before[decider]) || isOn(after[decider])) continue;
      for (const one of whom) {
        const name = `${allows}${one}`;
        if (name === 'allow_subscribe_for_subscriber') continue;
        if (isOn(after[name]))
          left.push({ name: `${path}.${name}`, why: `switched off: ${decider} decided, and is not carried over` });
        after[name] = false;
      }
    }
  }
}

function* namespacesOf(source: Tree, config: Tree): Iterable<readonly [string, Tree, Tree]> {
  const [before, after] = [source['channel'], config['channel']];
  if (!isMap(before)) return;
  const channel = isMap(after) ? after : {};
  if (isMap(before['without_namespace'])) {
    const own = (channel['without_namespace'] ??= {});
    config['channel'] = channel;
    if (isMap(own)) yield ['channel.without_namespace', before['without_namespace'], own];
  }
  const [all, kept] = [before['namespaces'], channel['namespaces']];
  if (!Array.isArray(all) || !Array.isArray(kept)) return;
  for (const [index, one] of all.entries()) {
    const same = kept.find((other) => isMap(one) && isMap(other) && one['name'] === other['name']) as unknown;
    if (isMap(one) && isMap(same)) yield [`channel.namespaces[${index}]`, one, same];
  }
}

/** Options of all channels there, of each namespace here. */
export function moveChannelDefaults(source: Tree): void {
  const channel = source['channel'];
  if (!isMap(channel)) return;
  for (const name of ['publication_data_format', 'history_meta_ttl']) {
    const value = channel[name];
    delete channel[name];
    if (value === undefined || value === null || value === '') continue;
    const own = isMap(channel['without_namespace'])
      ? channel['without_namespace']
      : (channel['without_namespace'] = {});
    const namespaces = Array.isArray(channel['namespaces']) ? (channel['namespaces'] as unknown[]) : [];
    for (const options of [own, ...namespaces]) {
      if (isMap(options) && !isSaid(options[name])) options[name] = value;
    }
  }
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && value !== 0 && value !== '0s';
}

function isOn(value: unknown): boolean {
  return value === true || value === 'true';
}

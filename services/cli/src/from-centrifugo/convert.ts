import { checkTree, formatPath, isMap, type Path, valueAt, type z } from '@pharos/config';

import { closeWhatLostItsProxy, moveChannelDefaults, moveProxies } from './proxies.ts';

type Tree = Record<string, unknown>;

export interface Converted {
  /** Settings of Pharos, all of which it takes. */
  readonly config: Tree;
  /** What Centrifugo was told and Pharos isn't, by Centrifugo's names; without values, which may be secrets. */
  readonly left: readonly Left[];
}

export interface Left {
  readonly name: string;
  readonly why: string;
}

const notThere = 'Pharos has no such setting';
const ofTheApi = 'it is a setting of the services api and standalone (--service standalone)';
const otherValue = 'Pharos has this setting, and takes no such value';

/** Sections of which more is to be said than that. */
const elsewhere: Readonly<Record<string, string>> = {
  grpc_api: 'the server API speaks HTTP only',
  admin: 'there is no admin page; the server API and metrics tell the same',
  prometheus: 'metrics are always there, at internal.listen',
  health: 'health is always there, at internal.listen',
  consumers: 'commands come from a Pulsar topic: commands.topic of pharos serve api',
};

/** Sections that both have, with the same names inside. */
const shared = [
  'client',
  'channel',
  'websocket',
  'http_stream',
  'sse',
  'emulation',
  'uni_websocket',
  'uni_http_stream',
  'uni_sse',
  'rpc',
  'proxies',
];

/** On in Pharos where nothing is said, and off in Centrifugo. */
const offUnlessEnabled = ['http_stream', 'sse'];

/** Pharos settings for those of a Centrifugo v6. @param schema of the settings that are wanted */
export function convert(centrifugo: Tree, schema: z.ZodType): Converted {
  const source = structuredClone(centrifugo);
  const left: Left[] = [];
  const config: Tree = {};
  /** Where settings come from that have another name here. */
  const origins = new Map<string, string>();
  const put = (path: readonly [string, ...string[]], value: unknown, origin: string): void => {
    let at = config;
    for (const name of path.slice(0, -1)) at = (at[name] ??= {}) as Tree;
    at[path.at(-1) as string] = value;
    origins.set(path.join('.'), origin);
  };
  moveServer(source, put);
  moveRedis(source, put, left);
  moveProxies(source, left);
  moveChannelDefaults(source);
  for (const name of shared) if (isMap(source[name]) || Array.isArray(source[name])) config[name] = source[name];
  for (const name of offUnlessEnabled) config[name] = { enabled: false, ...(config[name] as Tree | undefined) };
  for (const [name, value] of Object.entries(source)) {
    if (!shared.includes(name)) leave(value, [name], left, elsewhere[name]);
  }
  removeWhatIsWrong(config, schema, (path, unknown) => {
    const isOfTheApi = unknown && path[0] === 'http_api';
    const name = isOfTheApi ? 'http_api.key' : formatPath(path);
    const why = isOfTheApi ? ofTheApi : unknown ? notThere : otherValue;
    left.push({ name: origins.get(name) ?? name, why });
  });
  closeWhatLostItsProxy(centrifugo, config, left);
  return { config: withoutEmpty(config) as Tree, left };
}

type Put = (path: readonly [string, ...string[]], value: unknown, origin: string) => void;

const logLevels: Readonly<Record<string, string>> = { none: 'silent', fatal: 'error' };

function moveServer(source: Tree, put: Put): void {
  const server = section(source, 'http_server');
  const address = take(server, 'address');
  const port = take(server, 'port');
  if (address !== undefined || port !== undefined) {
    put(['listen'], hostPort(address, port ?? 8000), 'http_server.port');
  }
  const internalAddress = take(server, 'internal_address');
  const internalPort = take(server, 'internal_port');
  if (internalPort !== undefined) {
    put(['internal', 'listen'], hostPort(internalAddress ?? address, internalPort), 'http_server.internal_port');
  }
  moveTls(server, put);
  const level = take(section(source, 'log'), 'level');
  if (level !== undefined) put(['log_level'], logLevels[textOf(level)] ?? level, 'log.level');
  const timeout = take(section(source, 'shutdown'), 'timeout');
  if (timeout !== undefined) put(['drain_timeout'], timeout, 'shutdown.timeout');
  moveApi(section(source, 'http_api'), put);
}

function moveApi(api: Tree, put: Put): void {
  const isOff = api['disabled'] === true || api['disabled'] === 'true';
  const key = take(api, 'key');
  // Pharos has it where there is a key.
  if (isOff) delete api['disabled'];
  else if (key !== undefined && key !== '') put(['http_api', 'key'], key, 'http_api.key');
}

/** Certificate and key, where they are files: Pharos takes no others. */
function moveTls(server: Tree, put: Put): void {
  const tls = section(server, 'tls');
  const [cert, key] = [tls['cert_pem'], tls['key_pem']];
  if (tls['enabled'] !== true || !isPemFile(cert) || !isPemFile(key)) return;
  put(['tls', 'cert_file'], take(tls, 'cert_pem'), 'http_server.tls.cert_pem');
  put(['tls', 'key_file'], take(tls, 'key_pem'), 'http_server.tls.key_pem');
  delete tls['enabled'];
  // The internal listener of Pharos has no TLS.
  if (server['tls_external'] === true) delete server['tls_external'];
}

/** A path, where Centrifugo takes PEM and base64 of it too. */
function isPemFile(value: unknown): boolean {
  return typeof value === 'string' && /^[^\n]{1,255}\.(?:pem|crt|cer|key)$/.test(value);
}

function hostPort(address: unknown, port: unknown): string {
  const host = textOf(address ?? '') || '0.0.0.0';
  return `${host.includes(':') ? `[${host}]` : host}:${textOf(port)}`;
}

/** Settings of Redis that only have another name. */
const redisNames: Readonly<Record<string, string>> = {
  user: 'username',
  password: 'password',
  db: 'database',
  prefix: 'prefix',
  connect_timeout: 'connect_timeout',
  sentinel_user: 'sentinel_username',
  sentinel_password: 'sentinel_password',
  sentinel_master_name: 'sentinel_master_name',
};

function moveRedis(source: Tree, put: Put, left: Left[]): void {
  const engine = section(source, 'engine');
  const type = take(engine, 'type');
  const redis = section(engine, 'redis');
  if (type !== 'redis') return;
  const from = 'engine.redis';
  const [mode, list] = [
    ['cluster', take(redis, 'cluster_address')],
    ['sentinel', take(redis, 'sentinel_address')],
    ['standalone', take(redis, 'address') ?? 'redis://127.0.0.1:6379'],
  ].find(([, addresses]) => addresses !== undefined) as [string, unknown];
  const addresses = (Array.isArray(list) ? list : [list]).map(textOf);
  const isTls = take(section(redis, 'tls'), 'enabled') === true;
  if (mode === 'standalone' && addresses.length > 1) {
    left.push({
      name: `${from}.address`,
      why: 'several Redis, among which channels are shared out, are a Cluster in Pharos',
    });
    return;
  }
  put(['redis', 'url'], redisUrl(addresses, isTls), `${from}.address`);
  if (mode !== 'standalone') put(['redis', 'mode'], mode, from);
  for (const [name, ours] of Object.entries(redisNames)) {
    const value = take(redis, name);
    if (value !== undefined) put(['redis', ours], value, `${from}.${name}`);
  }
}

/** Addresses are `host:port` or URLs there. */
function redisUrl(addresses: readonly string[], isTls: boolean): string {
  const scheme = isTls || addresses.some((address) => address.startsWith('rediss://')) ? 'rediss' : 'redis';
  return `${scheme}://${addresses.map((address) => address.replace(/^rediss?:\/\//, '').replace(/\/.*$/, '')).join(',')}`;
}

/** Text or a number as text; what is neither is nothing that Pharos takes. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function section(tree: Tree, name: string): Tree {
  const value = tree[name];
  return isMap(value) ? value : {};
}

/** The value, which then counts as carried over. */
function take(tree: Tree, name: string): unknown {
  const value = tree[name];
  delete tree[name];
  return value ?? undefined;
}

/** Names every setting in here, but for those that switch something off that isn't there anyway. */
function leave(value: unknown, path: Path, left: Left[], why: string = notThere): void {
  if (isMap(value)) {
    // What belongs to something that is off says nothing.
    if (value['enabled'] === false) return;
    for (const [name, inner] of Object.entries(value)) leave(inner, [...path, name], left, why);
  } else if (!isOff(value)) left.push({ name: formatPath(path), why });
}

function isOff(value: unknown): boolean {
  return value === undefined || value === null || value === false || value === '' || value === 0 || isEmptyList(value);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** Takes out what the schema doesn't take, until it takes the rest. */
function removeWhatIsWrong(config: Tree, schema: z.ZodType, told: (path: Path, unknown: boolean) => void): void {
  for (;;) {
    // Backwards: what is taken out of a list moves what comes after it.
    const problems = checkTree(schema, config).toReversed();
    if (problems.length === 0) return;
    for (const { path, unknown } of problems) {
      const at = present(config, path);
      const value = remove(config, at);
      const names: Left[] = [];
      leave(value, at, names);
      if (!unknown || names.length > 0) told(at, unknown);
    }
  }
}

/** The path, or the nearest around it where something is: something may be missing, without which that can't stand. */
function present(config: Tree, path: Path): Path {
  let length = path.length;
  while (length > 1 && valueAt(config, path.slice(0, length)) === undefined) length--;
  return path.slice(0, length);
}

function remove(config: Tree, path: Path): unknown {
  const around = valueAt(config, path.slice(0, -1)) as Record<PropertyKey, unknown> | undefined;
  const last = path.at(-1) as PropertyKey;
  const value = around?.[last];
  if (Array.isArray(around)) around.splice(Number(last), 1);
  else if (around !== undefined) delete around[last];
  return value;
}

function withoutEmpty(value: unknown): unknown {
  if (!isMap(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, withoutEmpty(inner)] as const);
  return Object.fromEntries(entries.filter(([, inner]) => !isMap(inner) || Object.keys(inner).length > 0));
}

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { describeConfig } from '@pharos/config';
import { MemoryPresence } from '@pharos/presence';
import { HttpBackend } from '@pharos/testkit';
import { SignJWT } from 'jose';
import { edgeConfigSchema, edgePreset } from '../src/config.ts';
import { type Json, ProtocolClient } from './support/clients.ts';
import type { TestEdge } from './support/edge.ts';
import { memoryWorld, startEdge } from './support/world.ts';

const secret = 'a secret of the backend and of Pharos';
const topic = (name: string): string => `persistent://public/default/${name}`;

/** Whom a case looks through, and at which channels. */
interface Scene {
  readonly edge: TestEdge;
  readonly ann: ProtocolClient;
  readonly nobody: ProtocolClient;
  readonly backend: HttpBackend;
  /** A channel of the namespace that has the case's setting, or not. */
  readonly channel: string;
  readonly isOn: boolean;
  /** Another client of the same user. */
  readonly another: () => Promise<ProtocolClient>;
}

interface Case {
  /** What both namespaces have beside the closed defaults. */
  readonly both?: Json;
  /** What the option is in the one and in the other. */
  readonly off: unknown;
  readonly on: unknown;
  readonly see: (scene: Scene) => unknown;
  /** What is seen in the one and in the other. */
  readonly seen: readonly [off: unknown, on: unknown];
}

/** Everything that is open in tests, closed. */
const closed: Json = Object.fromEntries(
  [
    ...['subscribe_for_client', 'subscribe_for_anonymous', 'positioning', 'recovery', 'tags_filter'],
    ...['publish', 'presence', 'history'].flatMap((what) =>
      ['subscriber', 'client', 'anonymous'].map((whom) => `${what}_for_${whom}`),
    ),
  ].map((name) => [`allow_${name}`, false]),
);
const base: Json = {
  ...closed,
  ...{ presence: false, join_leave: false, allowed_delta_types: [], history_size: 0, history_ttl: '0s' },
};
const kept = { history_size: 10, history_ttl: '1h' };
const open = { allow_subscribe_for_client: true, allow_publish_for_client: true };

const resultOf = async (client: ProtocolClient, channel: string, options: Json = {}): Promise<Json> =>
  ((await client.subscribe(channel, options))['subscribe'] ?? {}) as Json;

function allowed(off: number, see: Case['see'], both: Json = {}): Case {
  return { both, off: false, on: true, see, seen: [off, 0] };
}

/** Publishes, and resolves when the client has it: what was to come before it has come. */
async function barrier(client: ProtocolClient, channel: string): Promise<void> {
  await client.publish(channel, 'barrier');
  await client.publications.waitFor((each) => each.channel === channel && each.data === 'barrier', 'the barrier');
}

const joins = (client: ProtocolClient, channel: string): number =>
  client.pushes.filter((push) => push['join'] !== undefined && push['channel'] === channel).length;

async function joined({ ann, channel, isOn }: Scene, options: Json): Promise<number> {
  await ann.subscribe(channel, options);
  if (isOn) await ann.messages.waitUntil(() => joins(ann, channel) > 0, 'a join');
  await barrier(ann, channel);
  return joins(ann, channel);
}

async function recoveredAfterThree({ ann, channel, another }: Scene): Promise<number> {
  const { epoch } = await resultOf(ann, channel, { recoverable: true });
  for (const n of [1, 2, 3]) await ann.publish(channel, n);
  await ann.publications.waitUntil(() => ann.dataOf(channel).length === 3, 'three publications');
  const since = { recover: true, recoverable: true, epoch, offset: 0 };
  const { publications = [] } = await resultOf(await another(), channel, since);
  return (publications as Json[]).length;
}

async function pageLength({ ann, channel }: Scene): Promise<number> {
  await ann.subscribe(channel);
  for (const n of [1, 2, 3]) await ann.publish(channel, n);
  await ann.publications.waitUntil(() => ann.dataOf(channel).length === 3, 'three publications');
  const { history } = await ann.call({ history: { channel, limit: 10 } });
  return ((history as Json | undefined)?.['publications'] as Json[] | undefined)?.length ?? 0;
}

async function hasDelta({ ann, channel }: Scene): Promise<boolean> {
  await ann.subscribe(channel, { delta: 'fossil' });
  const text = 'much that stays the same '.repeat(20);
  for (const n of [1, 2]) {
    await ann.publish(channel, `${text}${n}`);
    await ann.publications.waitUntil(() => ann.dataOf(channel).length === n, 'a publication');
  }
  return ann.messages.items.some(({ push }) => {
    const { channel: of, pub } = (push ?? {}) as { channel?: string; pub?: Json };
    return of === channel && pub?.['delta'] === true;
  });
}

/** What the last of many is answered with, all sent at once. */
async function lastOf(client: ProtocolClient, command: (n: number) => Json): Promise<number> {
  const ids = client.send(...Array.from({ length: 40 }, (_, n) => command(n)));
  const replies = await Promise.all(ids.map((id) => client.reply(id)));
  return (replies.at(-1)?.['error'] as { code: number } | undefined)?.code ?? 0;
}

/** Where the backend was asked about the channel. */
async function askedAt({ backend, channel }: Scene): Promise<string> {
  const asked = ({ json, path }: { json: Json; path: string }): boolean =>
    json['channel'] === channel && !path.startsWith('/subscribe');
  return (await backend.requests.waitFor(asked, 'a question')).path;
}

const cases: Readonly<Record<string, Case>> = {
  allow_subscribe_for_client: allowed(103, ({ ann, channel }) => ann.errorOf({ subscribe: { channel } })),
  allow_subscribe_for_anonymous: allowed(103, ({ nobody, channel }) => nobody.errorOf({ subscribe: { channel } })),
  allow_publish_for_client: allowed(103, ({ ann, channel }) => ann.errorOf({ publish: { channel, data: 1 } })),
  allow_publish_for_anonymous: allowed(103, ({ nobody, channel }) => nobody.errorOf({ publish: { channel, data: 1 } })),
  allow_publish_for_subscriber: allowed(
    103,
    async ({ ann, channel }) => {
      await ann.subscribe(channel);
      return ann.errorOf({ publish: { channel, data: 1 } });
    },
    { allow_subscribe_for_client: true },
  ),
  allow_history_for_client: allowed(103, ({ ann, channel }) => ann.errorOf({ history: { channel } }), kept),
  allow_history_for_anonymous: allowed(103, ({ nobody, channel }) => nobody.errorOf({ history: { channel } }), kept),
  allow_history_for_subscriber: allowed(
    103,
    async ({ ann, channel }) => {
      await ann.subscribe(channel);
      return ann.errorOf({ history: { channel } });
    },
    { ...kept, allow_subscribe_for_client: true },
  ),
  allow_presence_for_client: allowed(103, ({ ann, channel }) => ann.errorOf({ presence_stats: { channel } }), {
    presence: true,
  }),
  allow_presence_for_anonymous: allowed(103, ({ nobody, channel }) => nobody.errorOf({ presence_stats: { channel } }), {
    presence: true,
  }),
  allow_presence_for_subscriber: allowed(
    103,
    async ({ ann, channel }) => {
      await ann.subscribe(channel);
      return ann.errorOf({ presence: { channel } });
    },
    { presence: true, allow_subscribe_for_client: true },
  ),
  presence: allowed(108, ({ ann, channel }) => ann.errorOf({ presence: { channel } }), {
    allow_presence_for_client: true,
  }),
  join_leave: { both: open, off: false, on: true, see: (scene) => joined(scene, { join_leave: true }), seen: [0, 1] },
  force_push_join_leave: {
    both: { ...open, join_leave: true },
    ...{ off: false, on: true, see: (scene) => joined(scene, {}), seen: [0, 1] },
  },
  history_size: {
    both: { ...open, ...kept, allow_history_for_client: true },
    ...{ off: 2, on: 3, see: pageLength, seen: [2, 3] },
  },
  history_ttl: {
    both: { ...open, ...kept, allow_history_for_client: true },
    ...{ off: '0s', on: '1h', see: pageLength, seen: [0, 3] },
  },
  allow_positioning: {
    both: open,
    ...{ off: false, on: true, seen: [undefined, true] },
    see: async ({ ann, channel }) => (await resultOf(ann, channel, { positioned: true }))['positioned'],
  },
  force_positioning: {
    both: open,
    ...{ off: false, on: true, seen: [undefined, true] },
    see: async ({ ann, channel }) => (await resultOf(ann, channel))['positioned'],
  },
  allow_recovery: {
    both: { ...open, ...kept },
    ...{ off: false, on: true, seen: [undefined, true] },
    see: async ({ ann, channel }) => (await resultOf(ann, channel, { recoverable: true }))['recoverable'],
  },
  force_recovery: {
    both: { ...open, ...kept },
    ...{ off: false, on: true, seen: [undefined, true] },
    see: async ({ ann, channel }) => (await resultOf(ann, channel))['recoverable'],
  },
  force_recovery_mode: {
    both: { ...open, ...kept, allow_recovery: true },
    ...{ off: 'stream', on: 'cache', see: recoveredAfterThree, seen: [3, 1] },
  },
  allow_user_limited_channels: allowed(103, ({ ann, channel }) =>
    ann.errorOf({ subscribe: { channel: `${channel}#ann,bob` } }),
  ),
  channel_regex: {
    both: open,
    ...{ off: undefined, on: '^[A-Z]+$', seen: [0, 107] },
    see: ({ ann, channel }) => ann.errorOf({ subscribe: { channel } }),
  },
  allow_tags_filter: allowed(
    108,
    ({ ann, channel }) => ann.errorOf({ subscribe: { channel, tf: { op: '', key: 'a', cmp: 'ex' } } }),
    open,
  ),
  allowed_delta_types: {
    both: open,
    ...{ off: [], on: ['fossil'], seen: [undefined, true] },
    see: async ({ ann, channel }) => (await resultOf(ann, channel, { delta: 'fossil' }))['delta'],
  },
  delta_publish: {
    both: { ...open, allowed_delta_types: ['fossil'] },
    ...{ off: false, on: true, see: hasDelta, seen: [false, true] },
  },
  publication_data_format: {
    both: open,
    ...{ off: 'json', on: 'json_object', seen: [0, 107] },
    see: ({ ann, channel }) => ann.errorOf({ publish: { channel, data: [1] } }),
  },
  publish_rate_limit: {
    both: open,
    ...{ off: undefined, on: 1, seen: [0, 111] },
    see: ({ ann, channel }) => lastOf(ann, (data) => ({ publish: { channel, data } })),
  },
  subscribe_rate_limit: {
    both: open,
    ...{ off: undefined, on: 1, seen: [0, 111] },
    see: ({ ann, channel }) => lastOf(ann, (n) => ({ subscribe: { channel: `${channel}${n}` } })),
  },
  log: {
    both: { ...open, allow_positioning: true },
    ...{ off: topic('chat'), on: topic('another'), seen: [true, false] },
    see: async ({ ann, channel, another }) => {
      const of = async (client: ProtocolClient, name: string): Promise<unknown> =>
        (await resultOf(client, name, { positioned: true }))['epoch'];
      return (await of(ann, channel)) === (await of(await another(), 'reference:a'));
    },
  },
  lanes: {
    both: { ...open, allow_positioning: true, log: topic('lanes') },
    ...{ off: undefined, on: 4, seen: ['1', '4'] },
    see: async ({ ann, channel }) => {
      const { epoch } = await resultOf(ann, channel, { positioned: true });
      return String(epoch).split('.')[1];
    },
  },
  subscribe_proxy_enabled: allowed(103, ({ ann, channel }) => ann.errorOf({ subscribe: { channel } })),
  publish_proxy_enabled: allowed(103, ({ ann, channel }) => ann.errorOf({ publish: { channel, data: 1 } })),
  sub_refresh_proxy_enabled: {
    both: { subscribe_proxy_enabled: true },
    ...{ off: false, on: true, seen: [true, undefined] },
    see: async ({ ann, channel }) => (await resultOf(ann, channel))['expires'],
  },
  subscribe_proxy_name: {
    both: { subscribe_proxy_enabled: true },
    ...{ off: 'default', on: 'own', seen: ['/subscribe', '/own'] },
    see: async ({ ann, channel, backend }) => {
      await ann.subscribe(channel);
      return backend.requests.items.find(({ json }) => json['channel'] === channel)?.path;
    },
  },
  publish_proxy_name: {
    both: { publish_proxy_enabled: true },
    ...{ off: 'default', on: 'own', seen: ['/publish', '/own'] },
    see: async (scene) => {
      await scene.ann.publish(scene.channel, 1);
      return askedAt(scene);
    },
  },
  sub_refresh_proxy_name: {
    both: { subscribe_proxy_enabled: true, sub_refresh_proxy_enabled: true },
    ...{ off: 'default', on: 'own', seen: ['/sub_refresh', '/own'] },
    see: async (scene) => {
      await scene.ann.subscribe(scene.channel);
      return askedAt(scene);
    },
  },
};

/** Options that other tests hold, which fail where the option is ignored: the file from the root, and how the test begins. */
const elsewhere: Readonly<Record<string, readonly [file: string, title: string]>> = {
  history_meta_ttl: ['services/history/test/whatever-happens.test.ts', 'history_meta_ttl: '],
  replay: ['services/edge/test/scenarios/history.ts', 'with replay history goes back as far as the log'],
};

const prefix = 'channel.without_namespace.';

test('every option of a namespace has a test that fails where the option is ignored', () => {
  const options = describeConfig(edgeConfigSchema(edgePreset))
    .map(({ path }) => path)
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length));
  assert.deepEqual([...Object.keys(cases), ...Object.keys(elsewhere)].sort(), options.sort());
  for (const [option, { seen }] of Object.entries(cases)) assert.notDeepEqual(seen[0], seen[1], option);
  for (const [option, [file, title]] of Object.entries(elsewhere)) {
    const path = join(import.meta.dirname, '../../..', file);
    assert(existsSync(path), path);
    assert(readFileSync(path, 'utf8').includes(`test('${title}`), `${option}: ${file} has a test ${title}`);
  }
});

const nameOf = (option: string, isOn: boolean): string => `${option}-${isOn ? 'on' : 'off'}`;

function namespaceFor(option: string, one: Case, isOn: boolean): Json {
  const value = isOn ? one.on : one.off;
  // A log of its own for each of the two, where that is what differs.
  const own = option === 'lanes' ? { log: topic(nameOf('lanes', isOn)) } : {};
  return {
    name: nameOf(option, isOn),
    ...base,
    ...one.both,
    ...own,
    ...(value === undefined ? {} : { [option]: value }),
  };
}

async function stage(t: TestContext): Promise<Omit<Scene, 'channel' | 'isOn'>> {
  const later = (): number => Math.floor(Date.now() / 1_000) + 2;
  const backend = await HttpBackend.start(t, ({ json }) =>
    String(json['channel']).startsWith('sub_refresh') ? { result: { expire_at: later() } } : { result: {} },
  );
  const namespaces = Object.entries(cases).flatMap(([option, one]) =>
    [false, true].map((isOn) => namespaceFor(option, one, isOn)),
  );
  const env: Record<string, string> = {
    PHAROS_CHAT_ENABLED: 'false',
    PHAROS_CLIENT_CHANNEL_LIMIT: '1000',
    PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: secret,
    PHAROS_CHANNEL_NAMESPACES: JSON.stringify([
      ...namespaces,
      { name: 'reference', ...base, ...open, allow_positioning: true },
    ]),
    PHAROS_PROXIES: JSON.stringify([{ name: 'own', endpoint: backend.url('/own'), timeout: '60s' }]),
  };
  for (const kind of ['subscribe', 'publish', 'sub_refresh']) {
    env[`PHAROS_CHANNEL_PROXY_${kind.toUpperCase()}_ENDPOINT`] = backend.url(`/${kind}`);
    env[`PHAROS_CHANNEL_PROXY_${kind.toUpperCase()}_TIMEOUT`] = '60s';
  }
  const edge = await startEdge(t, memoryWorld(), { env, presence: new MemoryPresence() });
  const token = await new SignJWT({ sub: 'ann' }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));
  const another = (): Promise<ProtocolClient> => ProtocolClient.connect(t, edge, { token });
  return { edge, backend, another, ann: await another(), nobody: await ProtocolClient.connect(t, edge) };
}

describe('an option of a namespace decides', () => {
  test('in the one namespace so, in the other otherwise', async (t) => {
    const scene = await stage(t);
    await Promise.all(
      Object.entries(cases).map(async ([option, { see, seen }]) => {
        for (const isOn of [false, true]) {
          const channel = `${nameOf(option, isOn)}:a`;
          assert.deepEqual(
            await see({ ...scene, channel, isOn }),
            seen[isOn ? 1 : 0],
            `${option}, ${isOn ? 'on' : 'off'}`,
          );
        }
      }),
    );
  });
});

test('history_ttl: what is older is neither recovered nor on a page of history', async (t) => {
  const agesMs = [120_000, 0];
  let ageMs = 0;
  const world = memoryWorld({ now: () => Date.now() - ageMs });
  const options = { ...open, allow_recovery: true, allow_history_for_client: true };
  const namespaces = ['1m', '4m'].map((ttl) => ({ name: ttl, history_size: 10, history_ttl: ttl, ...options }));
  const edge = await startEdge(t, world, { env: { PHAROS_CHANNEL_NAMESPACES: JSON.stringify(namespaces) } });
  const [before, after] = [await ProtocolClient.connect(t, edge), await ProtocolClient.connect(t, edge)];
  const seen = async (channel: string): Promise<unknown[]> => {
    const { epoch, offset = 0 } = await resultOf(before, channel, { recoverable: true });
    for (const age of agesMs) {
      ageMs = age;
      await before.publish(channel, age);
      await before.publications.waitFor((each) => each.channel === channel && each.data === age, 'it');
    }
    const answer = await resultOf(after, channel, { recover: true, recoverable: true, epoch, offset });
    const { history } = await after.call({ history: { channel, limit: 10 } });
    const dataOf = ({ publications = [] }: Json): unknown[] => (publications as Json[]).map(({ data }) => data);
    return [answer['was_recovering'], answer['recovered'], dataOf(answer), dataOf(history as Json)];
  };
  assert.deepEqual(await seen('4m:a'), [true, true, agesMs, agesMs]);
  assert.deepEqual(await seen('1m:a'), [true, undefined, [], [0]]);
});

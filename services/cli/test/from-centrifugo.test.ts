import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { checkTree, loadConfig } from '@pharos/config';
import { edgeConfigSchema, edgePreset } from '@pharos/edge';
import { standaloneConfigSchema } from '@pharos/standalone';
import fc from 'fast-check';
import { stringify as stringifyToml } from 'smol-toml';
import { parse, stringify as stringifyYaml } from 'yaml';
import { convert } from '../src/from-centrifugo/convert.ts';
import { runCli } from '../src/index.ts';
import { fakeTerminal } from './fakes.ts';

const schema = edgeConfigSchema({ ...edgePreset, pulsarUrlRequired: false });

const sample = {
  http_server: {
    port: 9000,
    internal_port: '9001',
    internal_address: '::1',
    tls: { enabled: true, cert_pem: '/etc/tls/server.crt', key_pem: '/etc/tls/server.key' },
    tls_external: true,
  },
  log: { level: 'none', file: '/var/log/c.log' },
  shutdown: { timeout: '30s' },
  admin: { enabled: false, password: 'tell-nobody' },
  prometheus: { enabled: true },
  client: {
    allowed_origins: ['https://a.example'],
    token: { hmac_secret_key: 'secret-of-tokens', audience_regex: '^x$' },
    channel_limit: 50,
    ping_interval: '10s',
    pong_timeout: '-1s',
    insecure: false,
    proxy: { connect: { enabled: true, endpoint: 'https://b.example/c', http_headers: ['Cookie'], grpc: { tls: {} } } },
  },
  websocket: { message_size_limit: 32_768, compression: true, compression_level: 3 },
  sse: { enabled: true, handler_prefix: '/s' },
  uni_sse: { enabled: true, connect_code_to_http_response: { enabled: true } },
  emulation: { max_request_body_size: 10_000 },
  channel: {
    publication_data_format: 'json',
    proxy: {
      subscribe: {
        endpoint: 'http://b.example/s',
        timeout: '3s',
        http: { static_headers: { 'X-Key': 'tell-nobody' } },
      },
    },
    without_namespace: { presence: true, history_size: 10, history_ttl: '300s' },
    namespaces: [
      { name: 'news', history_size: 100, history_ttl: '1h', force_recovery: true, subscribe_proxy_enabled: true },
      { name: 'dialog', allow_user_limited_channels: true, channel_regex: '(' },
    ],
  },
  engine: { type: 'redis', redis: { address: ['rediss://r1:6380'], user: 'u', password: 'tell-nobody', db: 2 } },
};

async function run(t: TestContext, name: string, text: string, ...options: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'pharos-centrifugo-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, name);
  await writeFile(file, text);
  const terminal = fakeTerminal();
  const status = await runCli(['config', 'from-centrifugo', file, ...options], terminal);
  return { status, out: terminal.stdout.text, err: terminal.stderr.text, folder };
}

/** Off in Centrifugo unless it is told otherwise. */
const off = { http_stream: { enabled: false }, sse: { enabled: false } };

describe('pharos config from-centrifugo', () => {
  for (const [name, text] of [
    ['c.json', JSON.stringify(sample)],
    ['c.yaml', stringifyYaml(sample)],
    ['c.toml', stringifyToml(sample)],
  ] as const) {
    test(`${name}: what Pharos has is carried over, and what it has not is named`, async (t) => {
      const { status, out, err } = await run(t, name, text, '--service', 'edge');
      assert.equal(status, 0, err);
      assert.deepEqual(parse(out), {
        listen: '0.0.0.0:9000',
        internal: { listen: '[::1]:9001' },
        log_level: 'silent',
        drain_timeout: '30s',
        redis: { url: 'rediss://r1:6380', username: 'u', password: 'tell-nobody', database: 2 },
        client: {
          allowed_origins: ['https://a.example'],
          token: { hmac_secret_key: 'secret-of-tokens' },
          channel_limit: 50,
          ping_interval: '10s',
          proxy: { connect: { enabled: true, endpoint: 'https://b.example/c', http_headers: ['Cookie'] } },
        },
        tls: { cert_file: '/etc/tls/server.crt', key_file: '/etc/tls/server.key' },
        websocket: { message_size_limit: 32_768, compression: true },
        http_stream: { enabled: false },
        sse: { enabled: true },
        uni_sse: { enabled: true },
        emulation: { max_request_body_size: 10_000 },
        channel: {
          proxy: {
            subscribe: {
              endpoint: 'http://b.example/s',
              timeout: '3s',
              http: { static_headers: { 'X-Key': 'tell-nobody' } },
            },
          },
          without_namespace: { presence: true, history_size: 10, history_ttl: '300s', publication_data_format: 'json' },
          namespaces: [
            {
              ...{ name: 'news', history_size: 100, history_ttl: '1h', force_recovery: true },
              ...{ subscribe_proxy_enabled: true, publication_data_format: 'json' },
            },
            { name: 'dialog', allow_user_limited_channels: true, publication_data_format: 'json' },
          ],
        },
      });
      const named = [...err.matchAll(/^not carried over: (\S+): /gm)]
        .map(([, setting = '']) => setting)
        .toSorted((one, other) => (one < other ? -1 : 1));
      assert.deepEqual(named, [
        'channel.namespaces[1].channel_regex',
        'client.pong_timeout',
        'client.token.audience_regex',
        'log.file',
        'prometheus.enabled',
        'sse.handler_prefix',
        'uni_sse.connect_code_to_http_response',
        'websocket.compression_level',
      ]);
      assert(!err.includes('tell-nobody'));
    });
  }

  test('for standalone, with the key of the server API; and nothing is open that Centrifugo keeps closed', async (t) => {
    const own = {
      http_api: { key: 'of-the-api' },
      channel: { namespaces: [{ name: 'news', allow_history_for_client: true }] },
    };
    const { status, out, err, folder } = await run(t, 'c.yaml', stringifyYaml(own));
    assert.deepEqual([status, err], [0, '']);
    const file = join(folder, 'pharos.yaml');
    await writeFile(file, out);
    const config = loadConfig(standaloneConfigSchema(), { file, env: {} });
    assert.equal(config.http_api.key, 'of-the-api');
    assert.deepEqual(config.listen, { host: '0.0.0.0', port: 8000 });
    assert.deepEqual([config.chat.enabled, config.chat.page], [false, false]);
    assert.equal(config.client.allow_anonymous_connect_without_token, false);
    const closed = loadConfig(schema, { env: {} }).channel.without_namespace;
    assert.deepEqual(config.channel.without_namespace, closed);
    assert.deepEqual(config.channel.namespaces, [{ ...closed, name: 'news', allow_history_for_client: true }]);
    const terminal = fakeTerminal();
    assert.equal(await runCli(['config', 'check', '--config', file, '--service', 'standalone'], terminal), 0);
    const off = await run(t, 'c.json', '{"http_api": {"key": "k", "disabled": true, "insecure": true}}');
    assert.equal((parse(off.out) as { http_api?: unknown }).http_api, undefined);
    assert.match(off.err, /http_api\.insecure/);
    const ofEdges = await run(t, 'c.json', '{"http_api": {"key": "k"}}', '--service', 'edge');
    assert.match(ofEdges.err, /^not carried over: http_api\.key: it is a setting of the services api and standalone/m);
  });

  test('sentinels and a Cluster are what they are; several Redis are not', () => {
    const redis = (settings: object) => convert({ engine: { type: 'redis', redis: settings } }, schema);
    assert.deepEqual(redis({ sentinel_address: ['a:1', 'b:2'], sentinel_master_name: 'main' }).config, {
      redis: { url: 'redis://a:1,b:2', mode: 'sentinel', sentinel_master_name: 'main' },
      ...off,
    });
    assert.deepEqual(redis({ cluster_address: ['a:1'], tls: { enabled: true } }).config, {
      redis: { url: 'rediss://a:1', mode: 'cluster' },
      ...off,
    });
    const { config, left } = redis({ address: ['a:1', 'b:2'] });
    assert.deepEqual([config, left.map(({ name }) => name)], [off, ['engine.redis.address']]);
    assert.deepEqual(convert({ engine: { type: 'memory' } }, schema), { config: off, left: [] });
  });

  test('a certificate that is a text and no file stays behind, as what is off does', () => {
    const tls = { enabled: true, cert_pem: '-----BEGIN CERTIFICATE-----', key_pem: '/etc/tls/server.key' };
    const { config, left } = convert({ http_server: { tls } }, schema);
    assert.deepEqual(
      [config, left.map(({ name }) => name)],
      [off, ['enabled', 'cert_pem', 'key_pem'].map((name) => `http_server.tls.${name}`)],
    );
    assert.deepEqual(convert({ http_server: { tls: { ...tls, enabled: false } } }, schema), { config: off, left: [] });
  });

  test('a proxy that is not carried over opens nothing that it kept closed', () => {
    const allow = { allow_subscribe_for_client: true, allow_publish_for_subscriber: true };
    const { config, left } = convert(
      {
        client: { proxy: { refresh: { enabled: true, endpoint: 'grpc://b:1' } } },
        proxies: [
          { name: 'good', endpoint: 'http://b', http: { tls: { enabled: true, server_ca_pem: './ca.pem' } } },
          { name: 'grpc', endpoint: 'b:1' },
        ],
        channel: {
          proxy: { subscribe: { endpoint: 'grpc://b:1', timeout: '1s' } },
          without_namespace: { subscribe_proxy_enabled: true, ...allow },
          namespaces: [
            { name: 'a', subscribe_proxy_enabled: true, subscribe_proxy_name: 'good', ...allow },
            { name: 'b', publish_proxy_enabled: true, publish_proxy_name: 'grpc', ...allow },
            { name: 'c', subscribe_stream_proxy_enabled: true, ...allow },
          ],
        },
        rpc: { namespaces: [{ name: 'm', proxy_enabled: true, proxy_name: 'good' }] },
      },
      schema,
    );
    const noSubscribe = { allow_subscribe_for_client: false, allow_subscribe_for_anonymous: false };
    const noPublish = {
      ...{ allow_publish_for_client: false, allow_publish_for_anonymous: false, allow_publish_for_subscriber: false },
    };
    assert.deepEqual(config, {
      proxies: [{ name: 'good', endpoint: 'http://b', http: { tls: { ca_file: './ca.pem' } } }],
      channel: {
        proxy: { subscribe: { timeout: '1s' } },
        without_namespace: { ...allow, ...noSubscribe },
        namespaces: [
          { name: 'a', subscribe_proxy_enabled: true, subscribe_proxy_name: 'good', ...allow },
          { name: 'b', ...allow, ...noPublish },
          { name: 'c', ...noSubscribe, ...noPublish },
        ],
      },
      rpc: { namespaces: [{ name: 'm', proxy_enabled: true, proxy_name: 'good' }] },
      http_stream: { enabled: false },
      sse: { enabled: false },
    });
    const named = new Set(left.map(({ name }) => name));
    for (const name of [
      'client.proxy.refresh.endpoint',
      'proxies[1].endpoint',
      'channel.proxy.subscribe.endpoint',
      'channel.without_namespace.subscribe_proxy_enabled',
      'channel.without_namespace.allow_subscribe_for_client',
      'channel.namespaces[1].allow_publish_for_subscriber',
      'channel.namespaces[2].allow_subscribe_for_client',
    ]) {
      assert(named.has(name), `${name} is named among ${[...named].join(', ')}`);
    }
  });

  test('whatever a file holds, Pharos takes what comes out', () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()));
    const leaf = fc.dictionary(
      fc.oneof(
        fc.constantFrom(
          'channel_limit',
          'token',
          'history_ttl',
          'presence',
          'enabled',
          'url',
          'endpoint',
          'subscribe_proxy_enabled',
        ),
        fc.string(),
      ),
      fc.oneof(value, fc.dictionary(fc.string(), value)),
    );
    const part = fc.oneof(leaf, value);
    const tree = fc.record(
      {
        client: part,
        websocket: part,
        http_server: part,
        log: part,
        engine: fc.oneof(part, fc.record({ type: fc.constant('redis'), redis: part })),
        channel: fc.oneof(part, fc.record({ without_namespace: part, namespaces: fc.array(part) })),
        proxies: fc.oneof(part, fc.array(part)),
        rpc: fc.oneof(part, fc.record({ proxy: part, namespaces: fc.array(part) })),
        other: part,
      },
      { requiredKeys: [] },
    );
    const takes = fc.property(tree, (settings) => {
      assert.deepEqual(checkTree(schema, convert(settings, schema).config), []);
    });
    fc.assert(takes, { numRuns: 100 });
  });

  test('a file that is none is a mistake that does not quote it', async (t) => {
    for (const [name, text, message] of [
      ['c.json', '{"client": {"token": "tell-nobody"', /is no valid JSON/],
      ['c.yaml', 'a: [tell-nobody', /is no valid YAML/],
      ['c.toml', 'a = tell-nobody', /is no valid TOML/],
      ['c.json', '[]', /expected settings, a map/],
      ['c.ini', '', /expected a name that ends in \.json/],
    ] as const) {
      const { status, out, err } = await run(t, name, text);
      assert.deepEqual([status, out], [2, '']);
      assert.match(err, message);
      assert(!err.includes('tell-nobody'), err);
    }
    const terminal = fakeTerminal();
    assert.equal(await runCli(['config', 'from-centrifugo', '/nowhere.json'], terminal), 2);
    assert.match(terminal.stderr.text, /\/nowhere\.json can not be read/);
  });
});

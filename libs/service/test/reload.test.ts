import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { changedSettings, ConfigError, isUnder } from '@pharos/config';
import { createLogger, createRegistry, type Logger, Metrics } from '@pharos/telemetry';
import { CertificateAuthority } from '@pharos/testkit';
import { ConfigReloader, Listener, type Prepared, ProcessMetrics, type Reloadable } from '../src/index.ts';
import { memoryLimit } from '../src/process-metrics.ts';

interface Settings {
  readonly limits: { readonly a: number; readonly b?: number };
  readonly fixed: { readonly port: number; readonly key?: string };
}

const started: Settings = { limits: { a: 1 }, fixed: { port: 1 } };

function loggerTo(lines: Record<string, unknown>[]): Logger {
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return createLogger({ name: 'test', format: 'json', destination: { write } });
}

class Rig implements Reloadable<Settings> {
  readonly reloads: readonly string[] = ['limits'];
  readonly lines: Record<string, unknown>[] = [];
  readonly taken: Settings[] = [];
  readonly discarded: Settings[] = [];
  readonly metrics: Metrics = new Metrics(createRegistry({ processMetrics: false }));
  readonly reloader: ConfigReloader<Settings>;
  read: () => Settings = () => started;
  failure: Error | undefined;

  constructor(...more: Reloadable<Settings>[]) {
    this.reloader = new ConfigReloader({
      current: started,
      read: () => this.read(),
      parts: [this, ...more],
      logger: loggerTo(this.lines),
      metrics: new ProcessMetrics(this.metrics, 'test'),
    });
    this.reloader.run();
  }

  prepareReload(next: Settings): Promise<Prepared> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const discard = (): Promise<void> => Promise.resolve(void this.discarded.push(next));
    return Promise.resolve({ take: () => void this.taken.push(next), discard });
  }

  async isRefused(): Promise<number | undefined> {
    return (await this.metrics.registry.getSingleMetric('pharos_config_refused')?.get())?.values[0]?.value;
  }

  async outcomes(): Promise<string> {
    const found = await this.metrics.registry.getSingleMetric('pharos_config_reloads_total')?.get();
    return (found?.values ?? []).map(({ labels, value }) => `${labels['outcome']} ${value}`).join(', ');
  }
}

describe('reloading a configuration', () => {
  // An alert takes the increase of it: the first refusal is one only where there was a 0 before.
  test('that none was refused yet can be seen from the start', async () => {
    assert.equal(await new Rig().outcomes(), 'applied 0, unchanged 0, refused 0');
  });

  test('what the container may use of memory, where that is known and not more than there is', () => {
    const there = 8 * 1024 ** 3;
    const limits = [undefined, 0, 2 ** 64, 9_223_372_036_854_771_712, 16 * 1024 ** 3, 512 * 1024 ** 2];
    assert.deepEqual(
      limits.map((limit) => memoryLimit(limit, there)),
      [0, 0, 0, 0, 0, 512 * 1024 ** 2],
    );
  });

  test('what changed is named without its value, what needs a restart each time', async () => {
    const rig = new Rig();
    rig.read = () => ({ limits: { a: 2 }, fixed: { port: 2, key: 'hidden' } });
    await rig.reloader.reload();
    rig.read = () => ({ limits: { a: 2, b: 3 }, fixed: { port: 2 } });
    await rig.reloader.reload();
    await rig.reloader.reload();
    assert.deepEqual(
      rig.lines.map(({ changed, restart }) => changed ?? restart),
      [['limits.a'], ['fixed.key', 'fixed.port'], ['limits.b'], ['fixed.port'], undefined, ['fixed.port']],
    );
    assert.ok(!JSON.stringify(rig.lines).includes('hidden'));
    assert.equal(rig.taken.length, 3);
    assert.equal(await rig.outcomes(), 'applied 2, unchanged 1, refused 0');
  });

  test('all or nothing: where one part can not, none does, and every problem is named', async () => {
    const other = new Rig();
    const rig = new Rig(other);
    rig.read = () => ({ limits: { a: 2 }, fixed: { port: 1 } });
    rig.failure = new Error('no such log');
    other.failure = new Error('no such key');
    await rig.reloader.reload();
    other.failure = undefined;
    await rig.reloader.reload();
    rig.read = () => {
      throw new ConfigError('invalid-config', ['limits.a: one', 'fixed: two']);
    };
    await rig.reloader.reload();
    assert.deepEqual(
      rig.lines.map(({ problems }) => problems),
      [['no such log', 'no such key'], ['no such log'], ['limits.a: one', 'fixed: two']],
    );
    assert.deepEqual([...rig.taken, ...other.taken], []);
    assert.deepEqual([rig.discarded, other.discarded.length], [[], 1], 'who could have has nothing left of it');
    assert.equal(await rig.outcomes(), 'applied 0, unchanged 0, refused 3');
    assert.equal(await rig.isRefused(), 1, 'until one is taken');
    rig.failure = undefined;
    rig.read = () => started;
    await rig.reloader.reload();
    assert.equal(await rig.isRefused(), 0);
  });

  test('changes are told by paths: lists as one, sections that come or go by what they hold', () => {
    const before = { a: 1, list: [{ x: 1 }], section: { b: 1, c: undefined }, same: { d: [1, 2] } };
    const after = { a: 1, list: [{ x: 2 }], section: { b: 2 }, same: { d: [1, 2] }, more: { e: { f: 1 } } };
    assert.deepEqual(changedSettings(before, after), ['list', 'more.e.f', 'section.b']);
    assert.deepEqual(changedSettings(after, before), ['list', 'more.e.f', 'section.b']);
    assert.deepEqual(
      ['channel', 'channel.x', 'channels', 'chan'].map((path) => isUnder(path, ['channel'])),
      [true, true, false, false],
    );
  });
});

test('a certificate near its end is told of each day, and when it has come', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pharos-listener-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [cert_file, key_file] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  const authority = new CertificateAuthority();
  const issue = (commonName: string): void => {
    const { certificate, privateKey } = authority.issue({ commonName });
    writeFileSync(cert_file, certificate);
    writeFileSync(key_file, privateKey);
  };
  issue('first');
  const lines: Record<string, unknown>[] = [];
  let days = 0;
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  const listener = await Listener.create({
    config: {
      listen: { host: '127.0.0.1', port: 0 },
      socket: 'ws',
      trusted_proxies: [],
      tls: { cert_file, key_file, check_interval: 86_400_000 },
    },
    logger: loggerTo(lines),
    metrics: new ProcessMetrics(metrics, 'test'),
    now: () => Date.now() + days * 86_400_000,
  });
  t.after(() => listener.stop());
  t.after(() => listener.server.stop());
  await listener.server.listen('127.0.0.1', 0);
  // It holds for thirty days.
  listener.run();
  const told = async (): Promise<string[]> => {
    const from = lines.length;
    await listener.lookAtCertificate();
    return lines.slice(from).map(({ level, msg }) => `${String(level)} ${String(msg).replace(/: .*/, '')}`);
  };
  const soon = '40 the certificate of CN=first expires soon';
  const expected: [number, string[]][] = [
    [15, []],
    [17, [soon]],
    [17.9, []],
    [18.1, [soon]],
    [31, ['50 the certificate of CN=first has expired']],
  ];
  for (const [day, lines] of expected) {
    days = day;
    assert.deepEqual(await told(), lines, `day ${day}`);
  }
  issue('second');
  assert.deepEqual(await told(), [
    '30 new connections get the certificate of CN=second',
    '50 the certificate of CN=second has expired',
  ]);
  const expiry = await metrics.registry.getSingleMetric('pharos_tls_certificate_expiry_timestamp_seconds')?.get();
  assert.ok(Math.abs((expiry?.values[0]?.value ?? 0) - Date.now() / 1_000 - 30 * 86_400) < 600);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changedSettings, ConfigError, isUnder } from '@pharos/config';
import { createLogger, createRegistry, Metrics } from '@pharos/telemetry';
import { ConfigReloader, ProcessMetrics, type Reloadable } from '../src/index.ts';

interface Settings {
  readonly limits: { readonly a: number; readonly b?: number };
  readonly fixed: { readonly port: number; readonly key?: string };
}

const started: Settings = { limits: { a: 1 }, fixed: { port: 1 } };

class Rig implements Reloadable<Settings> {
  readonly reloads: readonly string[] = ['limits'];
  readonly lines: Record<string, unknown>[] = [];
  readonly taken: Settings[] = [];
  readonly metrics: Metrics = new Metrics(createRegistry({ processMetrics: false }));
  readonly reloader: ConfigReloader<Settings>;
  read: () => Settings = () => started;
  failure: Error | undefined;

  constructor(...more: Reloadable<Settings>[]) {
    this.reloader = new ConfigReloader({
      current: started,
      read: () => this.read(),
      parts: [this, ...more],
      logger: createLogger({
        name: 'test',
        format: 'json',
        destination: { write: (line) => void this.lines.push(JSON.parse(line) as Record<string, unknown>) },
      }),
      metrics: new ProcessMetrics(this.metrics, 'test'),
    });
    this.reloader.run();
  }

  prepareReload(next: Settings): Promise<() => void> {
    return this.failure === undefined
      ? Promise.resolve(() => void this.taken.push(next))
      : Promise.reject(this.failure);
  }

  async outcomes(): Promise<string> {
    const found = await this.metrics.registry.getSingleMetric('pharos_config_reloads_total')?.get();
    return (found?.values ?? []).map(({ labels, value }) => `${labels['outcome']} ${value}`).join(', ');
  }
}

describe('reloading a configuration', () => {
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
    assert.equal(await rig.outcomes(), 'applied 2, unchanged 1');
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
    assert.equal(await rig.outcomes(), 'refused 3');
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

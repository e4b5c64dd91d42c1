import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { loadScenarios } from '../bench/load/main.ts';
import { partFormat, partIn } from '../bench/load/machines/part.ts';
import { shareOf } from '../bench/load/machines/share.ts';
import { together } from '../bench/load/machines/together.ts';
import { readLoadOptions } from '../bench/load/options.ts';
import { judge } from '../bench/load/measure/gate.ts';
import { Tally } from '../bench/load/measure/tally.ts';
import { smoke } from '../bench/load/scenarios/smoke.ts';

const whole = smoke.sizes.short;

/** What one of two machines leaves of a run in which all went well. */
function document(index: number, of = 2) {
  const size = shareOf(whole, { index, of });
  const tally = new Tally();
  tally.count('attempts', 2 * size.clients);
  tally.count('in', 2 * size.clients);
  tally.count('resumes', size.clients);
  tally.count('recovered', size.clients);
  const deliveries = (size.clients / size.channels) * size.perSecond * size.seconds;
  tally.count('deliveries', deliveries);
  for (let at = 0; at < deliveries; at++) tally.durations.delivery.add((index + 1) * 10);
  const result = {
    scenario: 'smoke',
    seconds: 10 + index,
    size,
    whole,
    raw: { tally: tally.toJSON(), figures: { missing: 0, generatorBusy: index / 10 } },
  };
  return {
    machine: { cores: 2 },
    versions: { node: '20.0.0', pharos: 'abc' },
    part: { format: partFormat, index, of, startAt: '2026-12-01T12:00:00.000Z', prefix: 'load-' },
    results: [result] as [typeof result],
  };
}

type Document = ReturnType<typeof document>;

function read(...documents: readonly object[]) {
  const parts = documents.map((one, at) => partIn(`${at + 1}.json`, JSON.stringify(one)));
  return together(parts, loadScenarios);
}

/** The same with something else in it. */
function but(one: Document, change: (copy: Document) => void): Document {
  const copy = structuredClone(JSON.parse(JSON.stringify(one)) as Document);
  change(copy);
  return copy;
}

function brokenGates(...documents: readonly Document[]): string[] {
  const { scenario, measured, size } = read(...documents);
  return judge(scenario.gates, measured, size, new Map())
    .filter(({ passed }) => !passed)
    .map(({ gate }) => gate);
}

describe('machines that load together', () => {
  test('their shares add up to the whole, and each channel is as busy as it would be', () => {
    for (const [clients, channels, of] of [
      [20, 4, 2],
      [2_000, 20, 3],
      [7, 5, 5],
      [1_000_003, 37, 8],
    ] as const) {
      const all = { ...whole, clients, channels, perSecond: 90 };
      const shares = Array.from({ length: of }, (_, at) => shareOf(all, { index: at, of }));
      const sum = (pick: (one: (typeof shares)[number]) => number) =>
        shares.reduce((total, one) => total + pick(one), 0);
      assert.equal(
        sum((one) => one.clients),
        clients,
      );
      assert.equal(
        sum((one) => one.channels),
        channels,
      );
      for (const one of shares) assert.ok(Math.abs(one.perSecond / one.channels - 90 / channels) < 1e-9);
    }
  });

  test('what they counted is one run, whose gates hold', () => {
    const { size, seconds, measured } = read(document(0), document(1));
    assert.deepEqual(size, whole);
    assert.equal(seconds, 11);
    assert.equal(measured.tally.counters.attempts, 2 * whole.clients);
    assert.deepEqual(measured.figures, { missing: 0, generatorBusy: 0.1 });
    // Half of all deliveries took 10 ms, the other half 20: neither machine alone has both.
    const { delivery } = measured.tally.durations;
    assert.deepEqual([delivery.quantile(0.4) < 11, delivery.quantile(0.6) > 19], [true, true]);
    assert.deepEqual(brokenGates(document(0), document(1)), []);
  });

  test('what one of them lost, or could not tell, is lost', () => {
    const lost = but(document(1), ({ results: [{ raw }] }) => ((raw.tally.counters as { gaps: number }).gaps = 1));
    assert.deepEqual(brokenGates(document(0), lost), ['gaps']);
    const missing = but(document(1), ({ results: [{ raw }] }) => (raw.figures.missing = 3));
    assert.deepEqual(brokenGates(document(0), missing), ['missing']);
    const silent = but(document(1), ({ results: [{ raw }] }) => delete (raw.figures as { missing?: number }).missing);
    assert.deepEqual(brokenGates(document(0), silent), ['missing']);
  });

  test('what does not belong together is not judged, and the reason names the file', () => {
    const [one, two] = [document(0), document(1)];
    const failed = but(two, ({ results }) => results.splice(0, 1, { scenario: 'smoke', failure: 'no edge' } as never));
    for (const [documents, message] of [
      [[one], /no document of machine 1 of 2,/],
      [[one, one], /machine 0 of 2 is there twice: 1\.json and 2\.json/],
      [[one, document(1, 3)], /2\.json has the number of machines 3, and 1\.json 2/],
      [[one, but(two, ({ versions }) => (versions.pharos = 'abd'))], /2\.json has the version of Pharos abd/],
      [[one, but(two, ({ results: [result] }) => (result.scenario = 'ramp'))], /2\.json has the scenario ramp/],
      [[one, but(two, ({ part }) => (part.startAt = 'later'))], /2\.json has the begin later/],
      [[one, but(two, ({ results: [result] }) => (result.whole = { ...whole, clients: 9 }))], /the sizes are/],
      [[one, but(two, ({ part }) => (part.format = 2))], /2\.json has the format 2, and this version reads 1 only/],
      [[one, { results: [] }], /2\.json is not of a run with --machine/],
      [[one, failed], /machine 1 of 2 \(2\.json\) did not run to its end: no edge/],
    ] as const) {
      assert.throws(() => read(...documents), message);
    }
    assert.throws(() => partIn('a.json', '{"machine":'), /a\.json holds no document of a load test/);
    const half = but(two, ({ results: [{ raw }] }) => delete (raw.tally.counters as { gaps?: number }).gaps);
    assert.throws(() => read(one, half), /2\.json: results\.0\.raw\.tally\.counters\.gaps/);
  });

  test('a document is found among the lines of a log', () => {
    const log = `smoke: begins\n${JSON.stringify(document(0))}\nsmoke: ok\n`;
    assert.equal(partIn('pod.log', log).part.index, 0);
  });

  test('the job for Kubernetes is so many machines, whose arguments are taken', () => {
    const manifest = readFileSync(new URL('../../deploy/kubernetes/load-job.yaml', import.meta.url), 'utf8');
    const [, lines = ''] = /^ +args:\n((?: +- .+\n)+)/m.exec(manifest) ?? [];
    const args = lines.trim().split(/\n? +- /);
    const own = args.map((arg) =>
      arg.replace(/^- |"/g, '').replace('$(LOAD_INDEX)', '0').replace('START_AT', '2026-12-01T12:00:00Z'),
    );
    const { machine, urls } = readLoadOptions(own, loadScenarios);
    const count = (field: string): number => Number(new RegExp(`^  ${field}: (\\d+)$`, 'm').exec(manifest)?.[1]);
    assert.deepEqual([count('completions'), count('parallelism')], [machine?.of, machine?.of]);
    assert.equal(urls.length, 1);
  });
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { toolPath, unavailable } from '@pharos/testkit';
import { parse, stringify } from 'yaml';

import { dashboards, ruleFiles } from '../src/generated.ts';
import { alertGroups } from '../src/rules/alerts.ts';
import { objectiveGroups } from '../src/rules/objectives.ts';
import { alertCases } from './alert-cases.ts';
import { burnCases } from './cases/burns.ts';
import type { Moments, Samples } from './cases/samples.ts';

const run = promisify(execFile);

/** Runs promtool; rejects with all that it said. */
async function promtool(...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(toolPath('prometheus'), args, { maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`promtool ${args.slice(0, 2).join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

/** As Grafana would fill it in. */
function filledIn(expr: string): string {
  return expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(cluster|namespace|job|pod)/g, '.*');
}

/** Every expression that a dashboard asks. */
function expressions(): string[] {
  const panels = dashboards.flatMap((made) => (made.panels ?? []) as { targets?: { expr?: string }[] }[]);
  const ofPanels = panels.flatMap(({ targets = [] }) => targets.map(({ expr = '' }) => expr));
  const ofAnnotations = dashboards.flatMap((made) => (made.annotations.list ?? []).map(({ expr = '' }) => expr));
  return [...ofPanels, ...ofAnnotations].map(filledIn);
}

/** How promtool is told of a case: alerts are series too. */
function promtoolTest({ name, series }: Samples, interval: string, moments: readonly Moments[]): object {
  const expectation = ({ alert, window }: Moments, at: string, firing: boolean): object => ({
    expr: `count(ALERTS{alertname="${alert}", alertstate="firing"${window === undefined ? '' : `, window="${window}"`}})`,
    eval_time: at,
    exp_samples: firing ? [{ labels: '{}', value: 1 }] : [],
  });
  return {
    name: `${moments[0]?.alert ?? ''}: ${name}`,
    interval,
    input_series: Object.entries(series).map(([selector, values]) => ({ series: selector, values })),
    promql_expr_test: moments.flatMap((one) => [
      expectation(one, one.silent, false),
      ...(one.fires === undefined ? [] : [expectation(one, one.fires, true)]),
    ]),
  };
}

/** What the chart's README has prometheus-adapter ask for a custom metric, for all pods at once. */
async function adapterQuery(name: string): Promise<string> {
  const readme = await readFile(new URL('../../../helm/pharos/README.md', import.meta.url), 'utf8');
  const [, block = ''] = /with prometheus-adapter:\n\n```yaml\n([^`]+)```/.exec(readme) ?? [];
  const { rules } = parse(block) as { rules: { seriesQuery: string; name: { as: string }; metricsQuery: string }[] };
  const rule = rules.find((one) => one.name.as === name);
  assert.ok(rule !== undefined, `the README has no rule for ${name}`);
  const [series = '', matchers = ''] = rule.seriesQuery.split(/[{}]/);
  return rule.metricsQuery
    .replaceAll('<<.Series>>', series)
    .replaceAll('<<.LabelMatchers>>', matchers)
    .replaceAll('<<.GroupBy>>', 'pod');
}

describe('promtool', { skip: unavailable('prometheus') }, () => {
  let folder = '';
  const write = async (name: string, content: object): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, stringify(content, { lineWidth: 0 }));
    return file;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pharos-promtool-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('the rules are rules', async () => {
    const files: string[] = [];
    for (const [name, groups] of ruleFiles) files.push(await write(name, { groups }));
    assert.match(await promtool('check', 'rules', ...files), /SUCCESS: \d+ rules found/);
  });

  test('the Prometheus of the compose file takes its configuration, with these rules', async () => {
    const deploy = new URL('../../', import.meta.url);
    const config = await readFile(new URL('compose/prometheus.yaml', deploy), 'utf8');
    const rules = fileURLToPath(new URL('../helm/pharos/files/rules', deploy));
    const file = join(folder, 'compose.yaml');
    await writeFile(file, config.replace('/etc/prometheus/rules', rules));
    const said = await promtool('check', 'config', file);
    assert.match(said, /2 rule files found/);
    assert.doesNotMatch(said, /FAILED/);
  });

  test('every expression of a dashboard is one', async () => {
    const all = expressions();
    assert.ok(all.length > 100, `${all.length} expressions`);
    const rules = all.map((expr, index) => ({ record: `panel:expression:${index}`, expr }));
    const file = await write('panels.yaml', { groups: [{ name: 'panels', rules }] });
    assert.match(await promtool('check', 'rules', file), new RegExp(`SUCCESS: ${all.length} rules found`));
  });

  // Each with the rules that it is about alone: promtool evaluates all that it is given at each moment.
  test('every alert fires when it is to, and not before', async () => {
    const rules = alertGroups.flatMap((group) => group.rules).filter((rule) => 'alert' in rule);
    const names = [...new Set(alertCases.map(({ alert }) => alert))];
    const files: string[] = [];
    for (const name of names) {
      await write(`${name}.yaml`, { groups: [{ name, rules: rules.filter(({ alert }) => alert === name) }] });
      const tests = alertCases.filter(({ alert }) => alert === name).map((one) => promtoolTest(one, '1m', [one]));
      files.push(await write(`${name}-test.yaml`, { rule_files: [`${name}.yaml`], evaluation_interval: '1m', tests }));
    }
    assert.match(await promtool('test', 'rules', ...files), /SUCCESS/);
  });

  test('error budgets burn through when they are to, and not before', async () => {
    const files: string[] = [];
    for (const [index, { objective, interval, moments, ...samples }] of burnCases.entries()) {
      const groups = objectiveGroups.filter(({ name }) => name === `pharos-${objective.id}`);
      await write(`burn-${index}.yaml`, { groups });
      const tests = [promtoolTest(samples, interval, moments)];
      files.push(
        await write(`burn-${index}-test.yaml`, {
          rule_files: [`burn-${index}.yaml`],
          evaluation_interval: interval,
          tests,
        }),
      );
    }
    assert.match(await promtool('test', 'rules', ...files), /SUCCESS/);
  });

  // As rollouts look on Kubernetes: the pod that comes has series of its own, and a drain is over before the next scrape.
  test('processes that start and that end are annotated, of Pharos alone', async () => {
    const pod = (name: string, more = ''): string =>
      `{namespace="n", job="j", instance="${name}", pod="${name}"${more}}`;
    const lives = (name: string, values: string, startedAt: string): object[] => [
      { series: `pharos_build_info${pod(name, ', service="edge", version="1"')}`, values },
      { series: `pharos_draining${pod(name)}`, values: values.replaceAll('1x', '0x') },
      { series: `process_start_time_seconds${pod(name)}`, values: startedAt },
    ];
    const annotation = (name: string): string => {
      const found = dashboards[0]?.annotations.list?.find((one) => one.name === name);
      assert.ok(found !== undefined, name);
      return `count by (pod) (${filledIn(found.expr ?? '')})`;
    };
    const at = (expr: string, eval_time: string, ...pods: string[]): object => ({
      expr,
      eval_time,
      exp_samples: pods.map((name) => ({ labels: `{pod="${name}"}`, value: 1 })),
    });
    const [starts, ends] = [annotation('Starts'), annotation('Ends')];
    const tests = [
      {
        interval: '1m',
        input_series: [
          ...lives('old', '1x19 stale', '-9000x19 stale'),
          ...lives('new', '_x20 1x40', '_x20 1200x40'),
          // One that begins anew in its place.
          ...lives('same', '1x60', '-9000x39 2390x20'),
          { series: `process_start_time_seconds${pod('other')}`, values: '_x20 1200x40' },
        ],
        promql_expr_test: [
          ...['15m', '30m', '50m'].flatMap((time) => [at(starts, time), at(ends, time)]),
          ...['20m', '21m'].map((time) => at(starts, time, 'new')),
          ...['20m', '21m'].map((time) => at(ends, time, 'old')),
          ...['40m', '41m'].map((time) => at(starts, time, 'same')),
        ],
      },
    ];
    const file = await write('annotations-test.yaml', { rule_files: [], evaluation_interval: '1m', tests });
    assert.match(await promtool('test', 'rules', file), /SUCCESS/);
  });

  test('edges scale by the lag that the alert is about: none on an idle loop', async () => {
    const scales = await adapterQuery('pharos_event_loop_lag_seconds');
    const alert = alertGroups
      .flatMap((group) => group.rules)
      .find((rule) => 'alert' in rule && rule.alert === 'PharosEventLoopLag');
    const [lag = ''] = alert?.expr.split(' > ') ?? [];
    const gauge = (pod: string): string => `nodejs_eventloop_lag_p99_seconds{namespace="n", pod="${pod}"}`;
    const sample = (pod: string, value: number): object => ({ labels: `{pod="${pod}"}`, value });
    const tests = [
      {
        interval: '1m',
        input_series: Object.entries({ idle: '0.1x5', early: '0.09x5', late: '0.6x5' }).map(([pod, values]) => ({
          series: gauge(pod),
          values,
        })),
        promql_expr_test: [
          { expr: scales, eval_time: '1m', exp_samples: [sample('early', 0), sample('idle', 0), sample('late', 0.5)] },
          { expr: `max by (pod) (${lag} > 0)`, eval_time: '1m', exp_samples: [sample('late', 0.5)] },
        ],
      },
    ];
    const file = await write('adapter-test.yaml', { rule_files: [], evaluation_interval: '1m', tests });
    assert.match(await promtool('test', 'rules', file), /SUCCESS/);
  });
});

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import type { Series } from '@pharos/testkit';

import { formatted } from '../src/draw/format.ts';
import { readDashboard } from '../src/draw/model.ts';
import { pageOf } from '../src/draw/page.ts';
import { dashboards, generatedFiles, ruleFiles } from '../src/generated.ts';
import type { AlertRule, RecordingRule } from '../src/rules/rule.ts';
import { objectives } from '../src/slo.ts';
import { alertCases } from './alert-cases.ts';
import { burnCases } from './cases/burns.ts';
import { knownMetrics, labelsIn, labelsMadeIn, targetLabels, usesIn } from './expressions.ts';

const chart = new URL('../../../helm/pharos/files/', import.meta.url);
const rules = [...ruleFiles.values()].flat().flatMap((group) => group.rules);
const alerts = rules.filter((rule): rule is AlertRule => 'alert' in rule);
const recorded = new Map(
  rules.filter((rule): rule is RecordingRule => 'record' in rule).map((rule) => [rule.record, rule]),
);

/** On no panel, and why. */
const leftOut: ReadonlyMap<string, string> = new Map([
  ['pharos_edge_draining', 'pharos_draining says it of every process; alerts on clients go by it'],
  ['pharos_edge_entries_read_total', 'publications are what costs; for sizes of batches'],
  ['pharos_edge_frames_published_total', 'between publications read and deliveries; for benchmarks'],
  ['pharos_edge_replay_reads_total', 'their bytes are what costs'],
  ['pharos_presence_looks_total', 'the age of the last one says whether they go on'],
]);

interface AnyPanel {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly datasource?: { readonly uid?: string };
  readonly fieldConfig?: {
    readonly defaults?: { readonly unit?: string; readonly thresholds?: { readonly steps?: unknown[] } };
  };
  readonly targets?: readonly { readonly expr?: string; readonly legendFormat?: string; readonly refId?: string }[];
}

const panels = dashboards.flatMap((made) =>
  ((made.panels ?? []) as AnyPanel[])
    .filter(({ type }) => type !== 'row')
    .map((panel) => ({ panel, name: `${made.title ?? ''} / ${panel.title ?? '?'}` })),
);
const queries = panels.flatMap(({ panel, name }) =>
  (panel.targets ?? []).map(({ expr = '', legendFormat = '' }) => ({ where: name, expr, legend: legendFormat })),
);

describe('dashboards and rules', () => {
  test('the chart carries what the code makes', () => {
    const made = generatedFiles();
    for (const [name, text] of made) {
      const file = new URL(name, chart);
      assert.ok(
        existsSync(file) && readFileSync(file, 'utf8') === text,
        `helm/pharos/files/${name} is out of date: npm run dashboards`,
      );
    }
    const there = ['dashboards', 'rules'].flatMap((folder) =>
      readdirSync(new URL(`${folder}/`, chart)).map((name) => `${folder}/${name}`),
    );
    assert.deepEqual(there.sort(), [...made.keys()].sort());
  });

  test('every panel says what it shows, in which unit, and from where on it is bad', () => {
    assert.ok(panels.length > 60, `${panels.length} panels`);
    for (const { panel, name } of panels) {
      assert.match(
        panel.description ?? '',
        /\bBad\b|what bad looks like/,
        `${name}: the description doesn't say what bad looks like`,
      );
      assert.ok((panel.fieldConfig?.defaults?.unit ?? '') !== '', `${name}: no unit`);
      assert.ok((panel.fieldConfig?.defaults?.thresholds?.steps ?? []).length > 0, `${name}: no thresholds`);
      assert.equal(panel.datasource?.uid, '$datasource', `${name}: its data source is not the variable`);
      const ids = (panel.targets ?? []).map(({ refId }) => refId);
      assert.ok(ids.length > 0 && new Set(ids).size === ids.length, `${name}: its queries are not told apart`);
    }
    assert.equal(new Set(panels.map(({ name }) => name)).size, panels.length, 'a title comes twice');
  });

  test('dashboards have fixed ids, the same variables, and lead to each other', () => {
    const uids = dashboards.map(({ uid }) => uid ?? '');
    assert.deepEqual(uids, ['pharos-fleet', 'pharos-edge', 'pharos-path', 'pharos-api', 'pharos-slo']);
    for (const made of dashboards) {
      const variables = (made.templating.list ?? []).map(({ name }) => name);
      assert.deepEqual(variables, ['datasource', 'cluster', 'namespace', 'job', 'pod']);
      const links = (made.links ?? []).map(({ url }) => url);
      assert.deepEqual(
        links,
        uids.filter((uid) => uid !== made.uid).map((uid) => `/d/${uid}`),
      );
      assert.deepEqual(
        (made.annotations.list ?? []).map(({ name }) => name),
        ['Starts', 'Ends', 'Alerts'],
      );
    }
  });

  test('every metric is on a panel, or left out on purpose', () => {
    const shown = new Set(queries.flatMap(({ expr }) => usesIn(expr).map(({ name }) => name)));
    const own = [...knownMetrics().keys()].filter((name) => name.startsWith('pharos_'));
    // Of a histogram one series is enough.
    const base = (name: string): string => name.replace(/_(bucket|sum|count)$/, '');
    const onPanels = new Set([...shown].map(base));
    const missing = [...new Set(own.map(base))].filter((name) => !onPanels.has(name));
    assert.deepEqual(missing.sort(), [...leftOut.keys()].sort());
  });

  test('panels that the runbook names are there', () => {
    const runbook = readFileSync(new URL('../../../docs/runbook.md', import.meta.url), 'utf8');
    const named = [...runbook.matchAll(/\b([A-E]), _([^_]+)_/g)];
    assert.ok(named.length > 15, `${named.length} panels`);
    for (const [text, letter = '', title = ''] of named) {
      const isThere = panels.some(({ name }) => name.startsWith(`Pharos ${letter}: `) && name.includes(` / ${title}`));
      assert.ok(isThere, `the runbook sends to '${text}', which is no panel`);
    }
  });

  test('every metric that is used exists, with its labels; counters only as rates', () => {
    const known = knownMetrics();
    const all = [
      ...queries.map(({ where, expr }) => ({ where, expr })),
      ...rules.map((rule) => ({ where: 'alert' in rule ? rule.alert : rule.record, expr: rule.expr })),
    ];
    for (const { where, expr } of all) {
      const uses = usesIn(expr);
      assert.ok(uses.length > 0, `${where}: no metric in ${expr}`);
      const made = [...targetLabels, ...labelsMadeIn(expr)];
      const labels = new Set([...made, ...uses.flatMap(({ name }) => [...(known.get(name)?.labels ?? [])])]);
      for (const { name, within } of uses) {
        if (recorded.has(name)) continue;
        const metric = known.get(name);
        assert.ok(metric !== undefined, `${where}: there is no metric ${name}`);
        const isRate = within === 'rate' || within === 'increase';
        assert.equal(isRate, metric.type === 'counter', `${where}: ${name} is a ${metric.type}, in ${within}()`);
      }
      for (const label of labelsIn(expr))
        assert.ok(labels.has(label), `${where}: none of its metrics has the label ${label}`);
    }
  });

  test('legends name labels that are there; rates go by the interval of the panel', () => {
    for (const { where, expr, legend } of queries) {
      for (const [, label = ''] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
        const isKept = labelsIn(expr).includes(label) || !/\b(sum|max|min|avg|count)\b/.test(expr);
        assert.ok(isKept, `${where}: {{${label}}} is gone in ${expr}`);
      }
      for (const [, range] of expr.matchAll(/\[([^\]]*)\]/g)) assert.equal(range, '$__rate_interval', where);
    }
  });

  test('every alert has a severity, a runbook that exists, and a rule test', () => {
    const runbook = readFileSync(new URL('../../../docs/runbook.md', import.meta.url), 'utf8');
    const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, text = '']) => text);
    for (const { alert, labels, annotations } of alerts) {
      assert.match(labels['severity'] ?? '', /^(critical|warning)$/, alert);
      assert.ok(annotations.summary !== '' && annotations.description.endsWith('.'), alert);
      assert.equal(annotations.runbook_url, `docs/runbook.md#${alert.toLowerCase()}`);
      assert.ok(headings.includes(alert), `docs/runbook.md has no chapter ${alert}`);
    }
    const names = new Set(alerts.map(({ alert }) => alert));
    assert.deepEqual(
      headings.filter((heading) => heading.startsWith('Pharos') && !names.has(heading)),
      [],
      'chapters of no alert',
    );
    const key = (alert: string, window: string | undefined): string => `${alert} ${window ?? ''}`.trim();
    const moments = [...alertCases, ...burnCases.flatMap((one) => one.moments)];
    const tested = new Set(moments.filter(({ fires }) => fires !== undefined).map((one) => key(one.alert, one.window)));
    for (const { alert, labels } of alerts)
      assert.ok(tested.has(key(alert, labels['window'])), `${alert}: no rule test in which it fires`);
    const quiet = new Set(moments.filter(({ fires }) => fires === undefined).map((one) => key(one.alert, one.window)));
    for (const { alert, labels } of alerts)
      assert.ok(quiet.has(key(alert, labels['window'])), `${alert}: no rule test in which it never fires`);
  });

  test('dashboard E and the runbook say of every objective what counts and what does not', () => {
    const runbook = readFileSync(new URL('../../../docs/runbook.md', import.meta.url), 'utf8');
    for (const { title, alert, counted } of objectives) {
      const chapter = runbook.split(/^## /m).find((text) => text.startsWith(`${alert}\n`));
      assert.ok(chapter?.includes(counted), `${alert}: its chapter doesn't say: ${counted}`);
      const ofTitle = panels.filter(({ panel }) => panel.title?.startsWith(`${title}: `));
      assert.ok(ofTitle.filter(({ panel }) => panel.description?.includes(counted)).length === 2, title);
    }
  });

  test('dashboards are drawn from what Prometheus answers', async () => {
    const range = { start: 1_000, end: 1_060, step: 10 };
    const asked: string[] = [];
    const ask = (expression: string): Promise<Series[]> => {
      asked.push(expression);
      const values = [1_000, 1_010, 1_020, 1_050, 1_060].map((at) => [at, at === 1_010 ? 'NaN' : '2.5'] as const);
      return Promise.resolve([{ metric: { pod: '<edge & 1>' }, values }]);
    };
    let curves = 0;
    for (const made of dashboards) {
      const drawn = await readDashboard(made, range, '30s', ask);
      const page = pageOf(drawn);
      const all = drawn.rows.flatMap((row) => row.panels);
      curves += all.filter(({ kind }) => kind === 'curve').length;
      assert.equal(all.length, (page.match(/<svg /g) ?? []).length);
      assert.ok(!page.includes('no data') && !page.includes('NaN') && !page.includes('<edge'), made.title);
      // Where a value is missing for longer than a step the line begins anew.
      const paths = [...page.matchAll(/<path d="([^"]+)"/g)].map(([, path = '']) => path.match(/M/g)?.length ?? 0);
      assert.ok(paths.length > 0 && paths.every((begins) => begins > 1), made.title);
    }
    assert.ok(curves > 40);
    assert.ok(asked.every((expression) => !expression.includes('$')));
    const [first] = dashboards;
    assert.ok(first !== undefined);
    const empty = pageOf(await readDashboard(first, range, '30s', () => Promise.resolve([])));
    assert.equal((empty.match(/no data/g) ?? []).length, (empty.match(/<svg /g) ?? []).length);
    for (const [value, unit, text] of [
      [0.0123, 's', '12.3 ms'],
      [1_536, 'bytes', '1.5 KiB'],
      [12_345, 'ops', '12.3 k/s'],
      [0.5, 'percentunit', '50 %'],
    ] as const) {
      assert.equal(formatted(value, unit), text);
    }
  });
});

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { dashboards, generatedFiles, ruleFiles } from '../src/generated.ts';
import type { AlertRule, RecordingRule } from '../src/rules/rule.ts';
import { alertCases, burnCases } from './alert-cases.ts';
import { knownMetrics, labelsIn, targetLabels, usesIn } from './expressions.ts';

const chart = new URL('../../../helm/pharos/files/', import.meta.url);
const rules = [...ruleFiles.values()].flat().flatMap((group) => group.rules);
const alerts = rules.filter((rule): rule is AlertRule => 'alert' in rule);
const recorded = new Map(
  rules.filter((rule): rule is RecordingRule => 'record' in rule).map((rule) => [rule.record, rule]),
);

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
        ['Starts', 'Rollouts', 'Alerts'],
      );
    }
  });

  test('every metric that is used exists, with its labels; counters only as rates', async () => {
    const known = await knownMetrics();
    const all = [
      ...queries.map(({ where, expr }) => ({ where, expr })),
      ...rules.map((rule) => ({ where: 'alert' in rule ? rule.alert : rule.record, expr: rule.expr })),
    ];
    for (const { where, expr } of all) {
      const uses = usesIn(expr);
      assert.ok(uses.length > 0, `${where}: no metric in ${expr}`);
      const labels = new Set([...targetLabels, ...uses.flatMap(({ name }) => [...(known.get(name)?.labels ?? [])])]);
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
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { chartFolder, generated } from '../generate/generated.ts';
import type { JsonSchema } from '../generate/json-schema.ts';

test('what of the chart is generated is up to date', () => {
  for (const { path, content } of generated()) {
    assert(readFileSync(path, 'utf8') === content, `${path} is stale: run \`npm run chart\``);
  }
});

test('values.yaml shows every value that the schema takes', () => {
  const values = parse(readFileSync(`${chartFolder}values.yaml`, 'utf8')) as Record<string, unknown>;
  const schema = JSON.parse(readFileSync(`${chartFolder}values.schema.json`, 'utf8')) as JsonSchema;
  // Settings of Pharos have their own reference, and what every component has stands in `workload`.
  const elsewhere = ['global', 'config', 'settingsFrom', ...Object.keys(schema.definitions ?? {})];
  assert.deepEqual(missing(schema, values, ''), []);

  function missing(node: JsonSchema, value: unknown, path: string): string[] {
    return Object.entries(node.properties ?? {}).flatMap(([key, inner]) => {
      const below = path === '' ? key : `${path}.${key}`;
      const isShared = elsewhere.includes(key) && (path !== 'workload' || key === 'podSecurityContext');
      // Kubernetes' own fields, of which only some have a default.
      if (isShared || /\.(probes|resources)\./.test(`${below}.`) || node.additionalProperties !== false) return [];
      const held = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
      return held === undefined ? [below] : missing(inner, held, below);
    });
  }
});

test('the chart has the version of Pharos', () => {
  const chart = parse(readFileSync(`${chartFolder}Chart.yaml`, 'utf8')) as { appVersion: string };
  const manifest = JSON.parse(readFileSync(`${chartFolder}../../package.json`, 'utf8')) as { version: string };
  assert.equal(chart.appVersion, manifest.version);
});

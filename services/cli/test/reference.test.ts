import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { configurationReference, errorReference, metricReference } from '../src/reference.ts';

const docs = new URL('../../../docs/', import.meta.url);

for (const [file, topic, text] of [
  ['configuration.md', 'config', configurationReference],
  ['errors.md', 'errors', errorReference],
  ['metrics.md', 'metrics', metricReference],
] as const) {
  test(`docs/${file} is what the code says`, async () => {
    const committed = await readFile(new URL(file, docs), 'utf8');
    assert.equal(committed, text(), `out of date: npx pharos reference ${topic} > docs/${file}`);
  });
}

test('every option and every code has its meaning', () => {
  for (const text of [configurationReference(), errorReference(), metricReference()]) {
    const rows = text.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
    assert.ok(rows.length > 10);
    for (const row of rows) assert.match(row, /[^ |] \|$/, `no meaning: ${row}`);
  }
});

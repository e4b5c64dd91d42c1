import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { FigureResult } from '../bench/frame/figure.ts';
import { makeReport, table } from '../bench/report.ts';

const figure: FigureResult = {
  id: 'P1-json-memory-10',
  what: 'a test',
  unit: 'µs',
  pharos: { median: 7, min: 6.5, max: 8 },
  floor: { median: 6.5, min: 6, max: 7 },
  ratio: { median: 1.08, min: 1.01, max: 1.2 },
  pairs: 5,
  reach: 1.15,
  publicationsPerFrame: { pharos: 1, floor: 1 },
  checked: { deliveries: 1_000, frames: 1_000, lost: 0, duplicated: 0, reordered: 0 },
};
const run = { command: 'npm run bench', startedAt: '2025-01-01T00:00:00.000Z', quick: false };

describe('the report', () => {
  test('says of each figure whether it was reached, missed or is void, and what was skipped', () => {
    const missed = { ...figure, id: 'P4', ratio: { median: 2.5, min: 2, max: 3 } };
    const bad = { ...figure, id: 'P9', void: '1 lost, 0 duplicated, 0 reordered' };
    const packed = { ...figure, publicationsPerFrame: { pharos: 1.5, floor: 1 } };
    const skipped = [{ id: 'P1-json-pulsar', reason: 'needs Java' }];
    const lines = table(makeReport(run, [{ results: [figure, missed, bad, packed], skipped }])).split('\n');
    assert.equal(lines.length, 6);
    assert.match(lines[1] ?? '', /^P1-json-memory-10 .* 1\.08 \(1\.01–1\.20\) .*≤ 1\.15 +reached +1000$/);
    assert.match(lines[2] ?? '', /^P4 .*missed/);
    assert.match(lines[3] ?? '', /^P9 .*VOID: 1 lost/);
    assert.match(lines[4] ?? '', /reached, packed: 1\.50 publications a frame/);
    assert.equal(lines[5], 'P1-json-pulsar skipped: needs Java');
  });

  test('knows figures of which more is better', () => {
    const speed = { ...figure, better: 'more', reach: 0.8 } as const;
    const slow = { ...speed, ratio: { median: 0.7, min: 0.6, max: 0.9 } };
    const lines = table(makeReport(run, [{ results: [speed, slow], skipped: [] }])).split('\n');
    assert.match(lines[1] ?? '', /≥ 0\.8 +reached/);
    assert.match(lines[2] ?? '', /≥ 0\.8 +missed/);
  });

  test('names the machine and the versions', () => {
    const { machine, versions } = makeReport(run, []);
    assert.ok(machine.cores > 0 && machine.memoryMiB > 0);
    assert.equal(versions.node, process.versions.node);
    assert.match(versions.uWebSockets, /^\d+\.\d+\.\d+/);
  });
});

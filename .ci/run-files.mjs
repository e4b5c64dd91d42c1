// Runs test files with node:test, each in a process of its own, and tells its parent the counts.
// A process of its own too: node:test hands its own flags (tsx, the `source` condition) on to the files.
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const { files, concurrency, timeoutMs } = JSON.parse(process.argv[2]);
const counts = { passed: 0, failed: 0, skips: [] };

const events = run({ files, concurrency, timeout: timeoutMs });
events.on('test:pass', (test) => {
  // `todo` counts as skipped: it passes whatever it finds.
  if (test.skip !== undefined || test.todo !== undefined) {
    const reason =
      [test.skip, test.todo].find((value) => typeof value === 'string' && value !== '') ?? 'no reason given';
    counts.skips.push({ name: test.name, file: test.file ?? '', reason });
  } else if (test.details.type !== 'suite') counts.passed++;
});
events.on('test:fail', (test) => {
  // A suite fails with its tests, which are counted; by itself it fails in a hook.
  const byItsTests = test.details.error?.failureType === 'subtestsFailed';
  if (!byItsTests) counts.failed++;
});
const report = events.compose(new spec());
report.pipe(process.stdout);
report.on('end', () => {
  process.send?.(counts, () => process.disconnect());
  process.exitCode = counts.failed === 0 ? 0 : 1;
});

// Runs test files with node:test, each in a process of its own, and tells its parent the counts.
// A process of its own too: node:test hands its own flags (tsx, the `source` condition) on to the files.
import { setMaxListeners } from 'node:events';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const { files, concurrency, timeoutMs } = JSON.parse(process.argv[2]);
const counts = { passed: 0, failed: 0, skips: [] };

// Where the parent is gone nobody waits for the result: the files end, and the servers that they started with them.
const parentGone = new AbortController();
// Every file listens to it, and is no leak.
setMaxListeners(0, parentGone.signal);
const onParentGone = () => parentGone.abort();
process.once('disconnect', onParentGone);

const events = run({ files, concurrency, timeout: timeoutMs, signal: parentGone.signal });
events.on('test:pass', (test) => {
  // `todo` counts as skipped: it passes whatever it finds.
  if (test.skip !== undefined || test.todo !== undefined) {
    const reason =
      [test.skip, test.todo].find((value) => typeof value === 'string' && value !== '') ?? 'no reason given';
    counts.skips.push({ name: test.name, reason });
  } else if (isFile(test)) {
    // node:test takes a file without a test for a test that passed.
    console.error(`${test.name} holds no test`);
    counts.failed++;
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
  process.off('disconnect', onParentGone);
  if (process.connected) process.send(counts, () => process.disconnect());
  process.exitCode = counts.failed === 0 ? 0 : 1;
});

function isFile(test) {
  return test.nesting === 0 && files.some((file) => test.name.endsWith(file));
}

// Runs test files with node:test, in processes of `bundle` files each, and tells its parent the counts.
// A process of its own too: node:test hands its own flags (tsx, the `source` condition) on to the files.
import { setMaxListeners } from 'node:events';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { bundles } from './bundles.mjs';
import { failureText } from './failure-text.mjs';

const { files, concurrency, timeoutMs, bundle, compiled } = JSON.parse(process.argv[2]);
const counts = { passed: 0, failed: 0, skips: [], failures: [] };
/** Tests of the file that is being told of. */
let testsOfFile = 0;

// Where the parent is gone nobody waits for the result: the files end, and the servers that they started with them.
const parentGone = new AbortController();
// Every file listens to it, and is no leak.
setMaxListeners(0, parentGone.signal);
const onParentGone = () => parentGone.abort();
process.once('disconnect', onParentGone);

const runs = bundles(files, bundle, compiled);
/** Files of bundles of which nothing was told yet. */
const silent = new Set(runs.bundled);
const events = run({ files: runs.paths, concurrency, timeout: timeoutMs, signal: parentGone.signal });
events.on('test:pass', (test) => {
  const isLeaf = test.details.type !== 'suite';
  if (test.nesting > 0 && isLeaf) testsOfFile++;
  // `todo` counts as skipped: it passes whatever it finds.
  if (test.skip !== undefined || test.todo !== undefined) {
    const reason =
      [test.skip, test.todo].find((value) => typeof value === 'string' && value !== '') ?? 'no reason given';
    counts.skips.push({ name: test.name, reason });
  } else if (holdsNoTest(test)) {
    fail(`${test.name} holds no test`);
  } else if (isLeaf) counts.passed++;
  if (test.nesting === 0) told(test);
});
events.on('test:fail', (test) => {
  // A suite fails with its tests, which are counted; by itself it fails in a hook.
  const byItsTests = test.details.error?.failureType === 'subtestsFailed';
  if (!byItsTests) fail(failureText(test));
  if (test.nesting === 0) told(test);
  else if (test.details.type !== 'suite') testsOfFile++;
});
const report = events.compose(new spec());
report.pipe(process.stdout);
report.on('end', () => {
  process.off('disconnect', onParentGone);
  runs.remove();
  // Its process ended before its turn came, whatever it said at its end.
  for (const file of silent) fail(`${file} did not come to its end`);
  if (process.connected) process.send(counts, () => process.disconnect());
  process.exitCode = counts.failed === 0 ? 0 : 1;
});

function fail(text) {
  counts.failed++;
  counts.failures.push(text);
}

function told(test) {
  testsOfFile = 0;
  silent.delete(test.name);
}

/** node:test takes a file without a test for a test that passed; in a bundle it is a suite of none. */
function holdsNoTest(test) {
  if (test.nesting > 0 || !files.some((file) => test.name.endsWith(file))) return false;
  return test.details.type !== 'suite' || testsOfFile === 0;
}

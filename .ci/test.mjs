// `npm test`: everything from a fresh clone: packages, build, house checks, every test on real servers.
//   npm test                     all of it
//   npm run test:quick           build, the fast checks and the tests that need no server
//   npm run test:node24          the tests that need no server and all of the edge, on Node.js 24 in place of this one
//   npm test -- libs/bus proxy   build, and the tests whose path contains one of the words
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { importBuilt, prepare, root } from '../deploy/local/prepare.mjs';
import { compile } from './compile.mjs';
import { installTools } from './install-tools.mjs';
import { node24 } from './node24.mjs';
import { testFiles } from './test-files.mjs';

/** Against a test file that hangs: long enough for the slowest on a machine with 2 cores. */
const fileTimeoutMs = 15 * 60_000;

/** Tests of a whole edge in processes of its own, beside those in its folder. */
const edgeProcesses = ['services/edge', 'services/standalone/test/two-edges'];

const { values: options, positionals: filters } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, node24: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const inCi = process.env.CI === 'true';
const totals = { passed: 0, failed: 0, skips: [], failures: [] };
const failedChecks = [];
const timings = [];

if (!options.quick) timed('tools', installTools);
timed('install and build', () => prepare({ build: 'all' }));
if (filters.length === 0 && !options.node24) await checks();
if (!options.node24) await tests(testFiles(filters), process.execPath);
else
  await onNode24(filters.length > 0 ? testFiles(filters) : { ...testFiles(edgeProcesses), quick: testFiles([]).quick });
if (filters.length === 0 && !options.node24 && !options.quick) await onNode24({ quick: testFiles([]).quick });
process.exitCode = summary();

/** Beside one another: most of them leave a processor idle for a while. */
async function checks() {
  const start = performance.now();
  const fast = [
    check('format', ['biome', 'format', '.']),
    check('boundaries', [join(root, '.ci', 'check-boundaries.mjs')]),
  ];
  // These look at all types and all imports: half a minute of a processor.
  const thorough = () => [
    check('lint', ['oxlint', '--type-aware', '--deny-warnings', '.']),
    check('unused code', ['knip']),
  ];
  await Promise.all(options.quick ? fast : [...fast, ...thorough()]);
  timings.push(['checks', performance.now() - start]);
}

async function check(name, [program, ...args]) {
  const path = program.endsWith('.mjs') ? program : binary(program);
  const child = spawn(process.execPath, [path, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const [status] = await once(child, 'close');
  // As a whole: none stands between the lines of another.
  process.stdout.write(Buffer.concat(output));
  if (status !== 0) failedChecks.push(name);
}

/** npm's link to a program leads to a script for Node. */
function binary(name) {
  return join(root, 'node_modules', '.bin', name);
}

async function tests({ quick, servers = [], processes = [] }, node, env = environment()) {
  // Three times as many as there are processors, since two thirds of them wait for time; and no more processes than run at once, since each loads what it tests for itself.
  const atWork = availableParallelism() * 3;
  const bundle = Math.ceil(quick.length / atWork);
  // One more for whoever only waits.
  const concurrency = atWork + 1;
  await group('tests without servers', quick, { node, env, concurrency, bundle });
  if (options.quick) return;
  const server = await sharedPulsar([...servers, ...processes], env);
  try {
    await group('tests on servers', servers, { node, env, concurrency: 2 });
    // These measure time and start many processes each: two at once would disturb one another.
    await group('tests of whole processes', processes, { node, env, concurrency: 1 });
  } finally {
    await server?.stop();
  }
}

async function onNode24(files) {
  let folder;
  try {
    timed('Node.js 24', () => (folder = node24()));
  } catch (error) {
    totals.skips.push({ name: 'Node.js 24', reason: error.message });
    return;
  }
  const env = environment();
  console.log('\n# on Node.js 24');
  await tests(files, join(folder, 'node'), { ...env, PATH: `${folder}${delimiter}${env.PATH}` });
}

/** Settings of the user's own Pharos must not reach the tests. */
function environment() {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PHAROS_'));
  return { ...Object.fromEntries(own), GOTOOLCHAIN: 'local' };
}

/** One broker for all tests that take a shared one; its addresses go into `env`. */
async function sharedPulsar(files, env) {
  if (!files.some((file) => !/\.(redis|prometheus)\.test\.m?ts$/.test(file))) return undefined;
  const testkit = await importBuilt('libs/testkit');
  if (testkit.unavailable('pulsar')) return undefined;
  const start = performance.now();
  const server = await testkit.startPulsar();
  timings.push(['Pulsar', performance.now() - start]);
  env.PHAROS_TEST_PULSAR_URL = server.serviceUrl;
  env.PHAROS_TEST_PULSAR_ADMIN_URL = server.adminUrl;
  return server;
}

async function group(name, files, how) {
  if (files.length === 0) return;
  console.log(`\n# ${name}: ${files.length} files`);
  const start = performance.now();
  const counts = await runFiles(files, how);
  timings.push([name, performance.now() - start]);
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  totals.skips.push(...counts.skips);
  totals.failures.push(...counts.failures.map((failure) => `${name}: ${failure}`));
}

async function runFiles(files, how) {
  // Few are run as they are, each in a process; and coverage is of the sources as they are.
  if ((how.bundle ?? 1) === 1 || process.env.NODE_V8_COVERAGE !== undefined)
    return runner(files, how, ['--conditions=source', '--import', 'tsx'], {});
  const { compiled, remove } = await compile(files);
  try {
    return await runner(files, how, ['--enable-source-maps'], compiled);
  } finally {
    remove();
  }
}

function runner(files, { node, env, concurrency, bundle = 1 }, loading, compiled) {
  const work = JSON.stringify({ files, concurrency, timeoutMs: fileTimeoutMs, bundle, compiled });
  const hook = pathToFileURL(join(root, '.ci', 'leave-at-exit.mjs')).href;
  const args = [...loading, '--import', hook, join(root, '.ci', 'run-files.mjs'), work];
  const child = spawn(node, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let counts;
  child.on('message', (message) => (counts = message));
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      // A runner that dies without a word has lost tests: that is a failure, not none.
      const early = `the test runner ended early: ${signal ?? `exit code ${code}`}`;
      resolve(counts ?? { passed: 0, failed: 1, skips: [], failures: [early] });
    });
  });
}

function timed(name, work) {
  const start = performance.now();
  work();
  timings.push([name, performance.now() - start]);
}

/** Prints what came of it and returns the exit code. What failed stands at the end, where whoever has only that finds it. */
function summary() {
  for (const failure of totals.failures) console.error('\nfailed:', failure);
  console.log('');
  for (const [name, ms] of timings) console.log(`${(ms / 1_000).toFixed(1).padStart(7)} s  ${name}`);
  for (const skip of totals.skips) console.log(`skipped: ${skip.name}: ${skip.reason}`);
  for (const name of failedChecks) console.error(`failed: ${name}`);
  const ran = totals.passed + totals.failed;
  if (ran === 0)
    console.error(`failed: no test ran${filters.length > 0 ? ` (none matches ${filters.join(', ')})` : ''}`);
  if (inCi && totals.skips.length > 0) console.error('failed: in CI nothing may be skipped');
  const failed = totals.failed + failedChecks.length;
  console.log(`\n${totals.passed} passed, ${failed} failed, ${totals.skips.length} skipped`);
  return failed > 0 || ran === 0 || (inCi && totals.skips.length > 0) ? 1 : 0;
}

// What the Dockerfile does, without Docker: `node deploy/docker/rehearse.mjs`. Takes what .dockerignore lets in to an empty folder, installs, builds and
// assembles it there, installs what production needs, and starts every service from it. Needs git and the npm registry; a few minutes.
// With --load the image of load tests instead, up to its processes. With --node24 all of that on the Node.js and the C library of the image (.ci/node24.mjs).
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

if (process.argv.includes('--node24')) {
  const { node24 } = await import('../../.ci/node24.mjs');
  const folder = node24();
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  const { status } = spawnSync(
    join(folder, 'node'),
    [fileURLToPath(import.meta.url), ...process.argv.slice(2).filter((arg) => arg !== '--node24')],
    { env, stdio: 'inherit' },
  );
  process.exit(status ?? 1);
}
/** Beyond it a service that hasn't started won't. */
const startTimeoutMs = 60_000;
const isOfLoad = process.argv.includes('--load');
const root = fileURLToPath(new URL('../../', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'pharos-image-'));
const [src, app] = [join(scratch, 'src'), join(scratch, 'app')];
try {
  for (const file of letIn()) copy(file);
  run(src, 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  run(src, process.execPath, [join('deploy', 'local', 'build.mjs')]);
  if (isOfLoad) load();
  else await services();
} finally {
  rmSync(scratch, { recursive: true });
}

async function services() {
  run(src, process.execPath, [join('deploy', 'docker', 'assemble.mjs'), app]);
  run(app, 'npm', ['ci', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error', '--workspace', '@pharos/cli']);
  run(src, process.execPath, [join('deploy', 'docker', 'addon.mjs'), app]);
  run(app, process.execPath, [join('services', 'cli', 'bin', 'pharos.mjs'), '--version']);
  const user = asUser();
  await serve(user);
  for (const service of ['edge', 'api', 'history', 'presence']) await live(service, user);
  console.log('what the image is made of builds, and every service of it starts and drains');
}

/** Its program starts as the image's user, and a process for clients of its own; both too late for the moment when they should begin. */
function load() {
  run(src, process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-b', join('loadtest', 'bench')]);
  run(src, process.execPath, [join('deploy', 'docker', 'assemble.mjs'), app, 'loadtest']);
  run(app, 'npm', [
    'ci',
    '--omit=dev',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--workspace',
    '@pharos/loadtest',
  ]);
  const program = ['--enable-source-maps', join(app, 'loadtest', 'bin', 'load.mjs')];
  run(app, process.execPath, [...program, '--help']);
  const late = [
    '--machine',
    '0/1',
    '--start-at',
    '2020-01-01T00:00:00Z',
    '--url',
    'ws://127.0.0.1:1/connection/websocket',
  ];
  const { status, stdout } = spawnSync(process.execPath, [...program, 'smoke', ...late], {
    ...asUser(),
    cwd: app,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { results } = JSON.parse(stdout);
  if (status !== 1 || !results[0].failure.includes('not ready at --start-at'))
    throw new Error(`load ended with ${status}: ${stdout}`);
  console.log('what the image of load tests is made of builds, and its processes start');
}

/** Files of the working tree, as .dockerignore has them. */
function letIn() {
  const lines = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  const allowed = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  const { stdout } = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((file) => allowed.some((path) => file === path || file.startsWith(`${path}/`)))
    .filter((file) => !/(^|\/)(node_modules|dist|dist-test|test)\//.test(file));
}

function copy(file) {
  mkdirSync(dirname(join(src, file)), { recursive: true });
  cpSync(join(root, file), join(src, file));
}

function run(cwd, command, args) {
  console.log(`${command} ${args.join(' ')}`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${error?.message ?? `exit code ${status}`}`);
}

/** Starts the one-process server, waits until it takes clients, and ends it as Docker would. */
async function serve(user) {
  const child = start('standalone', user, { PHAROS_LISTEN: '127.0.0.1:0', PHAROS_INTERNAL_LISTEN: '127.0.0.1:0' });
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (line.includes(' listens at ')) child.kill('SIGTERM');
  }
  const [code] = await exited;
  if (code !== 0) throw new Error(`pharos serve standalone ended with ${code}`);
}

/** Starts a service whose Pulsar and Redis are not there, which waits for them; it is live, and ends when it is told to. */
async function live(service, user) {
  const internal = await freePort();
  const child = start(service, user, {
    PHAROS_PULSAR_URL: 'pulsar://127.0.0.1:1',
    PHAROS_PULSAR_ADMIN_URL: 'http://127.0.0.1:1',
    PHAROS_REDIS_URL: 'redis://127.0.0.1:1',
    PHAROS_INTERNAL_LISTEN: `127.0.0.1:${internal}`,
    ...(service === 'edge' || service === 'api' ? { PHAROS_LISTEN: '127.0.0.1:0' } : {}),
    ...(service === 'api' ? { PHAROS_HTTP_API_KEY: 'of the rehearsal' } : {}),
  });
  // Or a full pipe would stop it.
  child.stdout.resume();
  const exited = once(child, 'exit');
  const deadline = Date.now() + startTimeoutMs;
  while (child.exitCode === null && !(await isLive(internal))) {
    if (Date.now() > deadline) child.kill('SIGKILL');
    await delay(50);
    if (child.signalCode !== null) throw new Error(`pharos serve ${service} is not live after ${startTimeoutMs} ms`);
  }
  if (child.exitCode !== null)
    throw new Error(`pharos serve ${service} ended with ${child.exitCode} before it was live`);
  child.kill('SIGTERM');
  const [code] = await exited;
  if (code !== 0) throw new Error(`pharos serve ${service} ended with ${code}`);
  console.log(`pharos serve ${service}: live, and ended with 0`);
}

function start(service, user, env) {
  return spawn(
    process.execPath,
    ['--enable-source-maps', join(app, 'services', 'cli', 'bin', 'pharos.mjs'), 'serve', service],
    {
      ...user,
      cwd: app,
      env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
}

async function isLive(port) {
  return fetch(`http://127.0.0.1:${port}/health/live`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** The image's user, who can't write to what it runs; where this one may become it, and it may run this Node.js. */
function asUser() {
  if (process.getuid?.() !== 0) return {};
  chmodSync(scratch, 0o755);
  const user = { uid: 10_001, gid: 10_001 };
  const { status } = spawnSync(process.execPath, ['--version'], { ...user, cwd: app });
  console.log(status === 0 ? 'as user 10001' : 'not as user 10001, who may not run this Node.js');
  return status === 0 ? user : {};
}

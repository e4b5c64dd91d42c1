// What the Dockerfile does, without Docker: `node deploy/docker/rehearse.mjs`. Takes what .dockerignore lets in to an empty folder, installs, builds and
// assembles it there, installs what production needs, and starts the one-process server from it. Needs git and the npm registry; a few minutes.
// With --node24 all of that on the Node.js and the C library of the image (.ci/node24.mjs).
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

if (process.argv.includes('--node24')) {
  const { node24 } = await import('../../.ci/node24.mjs');
  const folder = node24();
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  const { status } = spawnSync(join(folder, 'node'), [fileURLToPath(import.meta.url)], { env, stdio: 'inherit' });
  process.exit(status ?? 1);
}
const root = fileURLToPath(new URL('../../', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'pharos-image-'));
const [src, app] = [join(scratch, 'src'), join(scratch, 'app')];
try {
  for (const file of letIn()) copy(file);
  run(src, 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  run(src, process.execPath, [join('deploy', 'local', 'build.mjs')]);
  run(src, process.execPath, [join('deploy', 'docker', 'assemble.mjs'), app]);
  run(app, 'npm', ['ci', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error', '--workspace', '@pharos/cli']);
  run(src, process.execPath, [join('deploy', 'docker', 'addon.mjs'), app]);
  run(app, process.execPath, [join('services', 'cli', 'bin', 'pharos.mjs'), '--version']);
  await serve();
  console.log('what the image is made of builds, starts and drains');
} finally {
  rmSync(scratch, { recursive: true });
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
async function serve() {
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', join(app, 'services', 'cli', 'bin', 'pharos.mjs'), 'serve', 'standalone'],
    {
      ...asUser(),
      cwd: app,
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        PHAROS_LISTEN: '127.0.0.1:0',
        PHAROS_INTERNAL_LISTEN: '127.0.0.1:0',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (line.includes(' listens at ')) child.kill('SIGTERM');
  }
  const [code] = await exited;
  if (code !== 0) throw new Error(`pharos serve standalone ended with ${code}`);
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

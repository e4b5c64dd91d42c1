// `npm run cluster`: a Pulsar and two edges on it, each a process of its own, for development. Ctrl-C stops them all.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startLocalPulsar, untilSignalled } from './local-pulsar.mjs';
import { importBuilt, prepare, root } from './prepare.mjs';

const edges = [
  { name: 'edge-1', port: 9001, internalPort: 9101 },
  { name: 'edge-2', port: 9002, internalPort: 9102 },
];

prepare({ build: 'src' });
const testkit = await importBuilt('libs/testkit');
const pulsar = await startLocalPulsar(testkit, { dataDir: join(root, '.pharos', 'cluster') });
console.log(`pulsar | ${pulsar.serviceUrl}, admin API ${pulsar.adminUrl}, log ${pulsar.logPath}`);
const children = edges.map((edge) => startEdge(edge, pulsar));

const ended = await Promise.race([untilSignalled(), pulsar.exited]);
// A signal is text, the end of the broker isn't.
if (typeof ended === 'object') {
  console.error(`pulsar | ended by itself; its log: ${pulsar.logPath}`);
  process.exitCode = 1;
}
await Promise.all(children.map((child) => stopEdge(child)));
await pulsar.stop();

function startEdge(edge, server) {
  const child = spawn(
    process.execPath,
    [
      '--enable-source-maps',
      join('services', 'cli', 'bin', 'pharos.mjs'),
      'serve',
      'edge',
      '--config',
      join('deploy', 'local', 'cluster.yaml'),
    ],
    {
      cwd: root,
      env: {
        ...process.env,
        PHAROS_NAME: edge.name,
        PHAROS_LISTEN: `127.0.0.1:${edge.port}`,
        PHAROS_INTERNAL_LISTEN: `127.0.0.1:${edge.internalPort}`,
        PHAROS_PULSAR_URL: server.serviceUrl,
        PHAROS_PULSAR_ADMIN_URL: server.adminUrl,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C in a terminal goes to the whole group; the edges are to drain when this process tells them.
      detached: true,
    },
  );
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      console.log(`${edge.name} | ${line}`);
      if (line.includes('"msg":"edge ') && line.includes(' listens at ')) {
        console.log(`Chat at http://127.0.0.1:${edge.port}/`);
      }
    });
  }
  // 'close': what it said at its end comes first.
  child.on('close', (code, signal) => console.log(`${edge.name} | ended (${signal ?? `exit code ${code}`})`));
  // Whatever ends this process ends them.
  process.on('exit', () => child.kill('SIGKILL'));
  return child;
}

async function stopEdge(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedFolder } from '../cache.ts';
import { runCommand } from '../process/run-command.ts';
import { toolPath } from '../tools.ts';
import { JsonWorker, type WorkerCommands } from './json-worker.ts';

/** The packages, with the hashes of their files, seen from src/workers and from dist/workers alike. */
const requirements = fileURLToPath(new URL('../../python/requirements.txt', import.meta.url));

/** Starts a Python program that has the official Pulsar client, in an environment of its own in the user's cache. */
export async function startPythonWorker<C extends WorkerCommands>(script: string): Promise<JsonWorker<C>> {
  const environment = await pythonEnvironment();
  return JsonWorker.start<C>(script, join(environment, 'bin', 'python'), ['-I', '-u', script]);
}

async function pythonEnvironment(): Promise<string> {
  const python = toolPath('python');
  const version = await runCommand(python, ['-c', 'import sys; print(sys.version, sys.base_prefix)'], '/');
  const hash = createHash('sha256')
    .update(version)
    .update(await readFile(requirements));
  return cachedFolder(`python-${hash.digest('hex').slice(0, 16)}`, async (folder) => {
    await runCommand(python, ['-m', 'venv', folder], folder);
    // By `python -m pip`: the folder is renamed when it is complete, and scripts in it keep its first name.
    const pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '--quiet', '--no-compile'];
    const pinned = ['--require-hashes', '--only-binary=:all:', '-r', requirements];
    await runCommand(join(folder, 'bin', 'python'), [...pip, ...pinned], folder);
  });
}

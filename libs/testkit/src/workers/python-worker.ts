import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedFolder } from '../cache.ts';
import { runCommand } from '../process/run-command.ts';
import { toolPath } from '../tools.ts';
import { JsonWorker, type WorkerCommands } from './json-worker.ts';

/** The packages, with the hashes of their files, seen from src/workers and from dist/workers alike. */
function requirementsOf(libraries: PythonLibraries): string {
  const file = libraries === 'pulsar' ? 'requirements.txt' : `${libraries}.txt`;
  return fileURLToPath(new URL(`../../python/${file}`, import.meta.url));
}

/** The official Pulsar client, the official SDK of the Centrifuge protocol, or the schemas of Kubernetes. */
export type PythonLibraries = 'pulsar' | 'centrifuge' | 'kubernetes';

/** Starts a Python program that has these libraries, in an environment of its own in the user's cache. */
export async function startPythonWorker<C extends WorkerCommands>(
  script: string,
  libraries: PythonLibraries = 'pulsar',
): Promise<JsonWorker<C>> {
  return JsonWorker.start<C>(script, await pythonWith(libraries), ['-I', '-u', script]);
}

/** The path of a Python that has these libraries. */
export async function pythonWith(libraries: PythonLibraries): Promise<string> {
  return join(await pythonEnvironment(requirementsOf(libraries)), 'bin', 'python');
}

async function pythonEnvironment(requirements: string): Promise<string> {
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

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedFolder } from './cache.ts';
import { runCommand } from './process/run-command.ts';
import { toolPath } from './tools.ts';

export type GoProgram = 'helm';

/** Programs that tests use and no Debian package has, by name. */
const programs: Readonly<Record<GoProgram, { module: string; version: string; flags: readonly string[] }>> = {
  helm: {
    module: 'helm.sh/helm/v3/cmd/helm',
    version: 'v3.22.0',
    // Its releases are built so: the version of Kubernetes that charts are rendered for where there is no cluster.
    flags: ['Major=1', 'Minor=34'].map((value) => `-X=helm.sh/helm/v3/pkg/chartutil.k8sVersion${value}`),
  },
};

/** "auto": a module may want a newer Go than this one, which Go then fetches as a module too. */
const goEnvironment: NodeJS.ProcessEnv = { ...process.env, GOTOOLCHAIN: 'auto' };

/** The path of a program written in Go, built from its module where no earlier run has left it in the user's cache: minutes. */
export async function goProgram(name: GoProgram): Promise<string> {
  const { module, version, flags } = programs[name];
  const go = toolPath('go');
  const folder = await cachedFolder(`${name}-${version.slice(1)}`, async (partial) => {
    await runCommand(go, ['install', `-ldflags=${flags.join(' ')}`, `${module}@${version}`], partial, {
      ...goEnvironment,
      GOBIN: partial,
    });
  });
  return join(folder, name);
}

/** The path of what the Go module in `folder` builds, from the user's cache as long as its files are the same. */
export async function goBinary(folder: string): Promise<string> {
  const go = toolPath('go');
  const hash = createHash('sha256');
  for (const name of (await readdir(folder)).sort()) hash.update(name).update(await readFile(join(folder, name)));
  const built = await cachedFolder(`go-${hash.digest('hex').slice(0, 16)}`, async (partial) => {
    await runCommand(go, ['build', '-o', join(partial, 'program'), '.'], folder, goEnvironment);
  });
  return join(built, 'program');
}

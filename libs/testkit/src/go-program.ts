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

/** The path of a program written in Go, built from its module where no earlier run has left it in the user's cache: minutes. */
export async function goProgram(name: GoProgram): Promise<string> {
  const { module, version, flags } = programs[name];
  const go = toolPath('go');
  // "auto": a module may want a newer Go than this one, which Go then fetches as a module too.
  const env = (folder: string): NodeJS.ProcessEnv => ({
    ...process.env,
    GOBIN: folder,
    GOTOOLCHAIN: 'auto',
  });
  const folder = await cachedFolder(`${name}-${version.slice(1)}`, async (partial) => {
    await runCommand(go, ['install', `-ldflags=${flags.join(' ')}`, `${module}@${version}`], partial, env(partial));
  });
  return join(folder, name);
}

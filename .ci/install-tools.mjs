// In CI the machine is the test's own: what the tests need and it lacks is installed. Nowhere else is anything changed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from '../deploy/local/prepare.mjs';

/** Tools of libs/testkit/tools.json with none of a program's spellings in PATH, or whose probe fails. */
export function missingTools() {
  const tools = JSON.parse(readFileSync(join(root, 'libs', 'testkit', 'tools.json'), 'utf8'));
  return Object.values(tools).filter((tool) => !tool.programs.every((names) => names.some(isInPath)) || !passes(tool));
}

function passes({ probe }) {
  if (probe === undefined) return true;
  const [command, ...args] = probe;
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Installs what is missing, with CI=true as root on Debian; elsewhere does nothing. */
export function installTools() {
  if (process.env.CI !== 'true' || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  const packages = [...new Set(missingTools().flatMap((tool) => tool.debian))];
  if (packages.length === 0) return;
  console.log(`Installing ${packages.join(', ')} …`);
  apt(['update', '-qq']);
  apt(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
}

function isInPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, name)));
}

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, error } = spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  // Not the end: the tests that need the tool then fail, each with its name.
  if (status !== 0) console.error(`apt-get ${args.join(' ')} failed: ${error?.message ?? `exit code ${status}`}`);
}

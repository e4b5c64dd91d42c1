import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TestkitError } from './errors.ts';

/** What a test may need beyond Node.js; tools.json, which the test runner reads too, says what each is. */
export type Tool = 'redis' | 'pulsar' | 'chromium' | 'jdk' | 'python' | 'prometheus' | 'go';

interface ToolInfo {
  readonly name: string;
  /** All are needed; of each, any one of the spellings. */
  readonly programs: readonly (readonly string[])[];
  /** A command that succeeds where the tool is of use; asked only where its programs are there. */
  readonly probe?: readonly string[];
  readonly debian: readonly string[];
  readonly brew: readonly string[];
}

function toolInfo(tool: Tool): ToolInfo {
  const table = JSON.parse(readFileSync(new URL('../tools.json', import.meta.url), 'utf8')) as Record<Tool, ToolInfo>;
  return table[tool];
}

/** The path of the first of `names` that is a program in PATH. */
function findProgram(names: readonly string[]): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      if (folder !== '' && isExecutable(path)) return path;
    }
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of the program that `tool` consists of (of its first, where there are several); throws `tool-missing`. */
export function toolPath(tool: Tool): string {
  const path = findProgram(toolInfo(tool).programs[0] ?? []);
  if (path === undefined) throw new TestkitError('tool-missing', missing(tool));
  return path;
}

/**
 * For the `skip` option of a test: false where `tool` is installed, else a sentence that says what would install it.
 * With CI=true nothing may be skipped, so there it throws `tool-missing` instead.
 */
export function unavailable(tool: Tool): string | false {
  if (isUsable(tool)) return false;
  if (process.env['CI'] === 'true') throw new TestkitError('tool-missing', missing(tool));
  return missing(tool);
}

/** What was found of tools with a probe, which starts a process. */
const probed = new Map<Tool, boolean>();

function isUsable(tool: Tool): boolean {
  const { programs, probe } = toolInfo(tool);
  if (!programs.every((names) => findProgram(names) !== undefined)) return false;
  const [command, ...args] = probe ?? [];
  if (command === undefined) return true;
  const usable = probed.get(tool) ?? spawnSync(command, args, { stdio: 'ignore' }).status === 0;
  probed.set(tool, usable);
  return usable;
}

function missing(tool: Tool): string {
  const info = toolInfo(tool);
  const install =
    process.platform === 'darwin'
      ? `brew install ${info.brew.join(' ')}`
      : `sudo apt-get install ${info.debian.join(' ')}`;
  return `needs ${info.name}: ${install}`;
}

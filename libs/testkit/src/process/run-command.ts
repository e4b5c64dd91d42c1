import { ManagedChild, describeExit } from './managed-child.ts';
import type { ExitStatus } from './managed-child.ts';
import { TestkitError } from '../errors.ts';

/** The most of a command's output that is kept, in characters, counted from its end. */
const maxOutputChars = 16_384;

/**
 * Runs `command` to its end and returns the last of what it printed; throws `start-failed`, with that, where it fails.
 *
 * @param env the whole environment; this process's where it isn't given
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const child = await ManagedChild.start(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-maxOutputChars);
  };
  child.process.stdout?.on('data', collect);
  child.process.stderr?.on('data', collect);
  const status: ExitStatus = await child.exited;
  if (status.code === 0) return output;
  throw new TestkitError(
    'start-failed',
    `'${command} ${args.join(' ')}' ended with ${describeExit(status)}:\n${output.trimEnd()}`,
  );
}

import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runCli } from '@pharos/cli';

export interface CommandResult {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `pharos <args>` in this process, with this environment and no other. */
export async function pharos(args: readonly string[], env: Readonly<Record<string, string>>): Promise<CommandResult> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [text(stdout), text(stderr)];
  const status = await runCli(args, { stdin: PassThrough.from([]), stdout, stderr, env });
  stdout.end();
  stderr.end();
  return { status, out: await out, err: await err };
}

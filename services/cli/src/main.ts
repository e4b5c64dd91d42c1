import { runCli } from './cli.ts';
import { flushed } from './terminal.ts';

// `| head` closes the pipe: that is no failure of the command.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const status = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
});
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// Not left to the event loop: a handle that something forgot must not keep a finished command alive.
process.exit(status);

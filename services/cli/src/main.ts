import { runCli } from './cli.ts';

// Not left to the event loop: a handle that something forgot must not keep a finished command alive.
process.exit(
  await runCli(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
  }),
);

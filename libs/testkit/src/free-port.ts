import { createServer } from 'node:net';
import { TestkitError } from './errors.ts';

/**
 * Ports are taken from below the system's ephemeral range (32768 and up on Linux): a client that keeps reconnecting to a
 * server which is down may otherwise be given the server's own port as its source, and connect to itself.
 */
const firstPort = 15_000;
const lastPort = 32_000;
const maxTries = 200;

/** Ports that this process has handed out, so that two servers that start at the same time don't get the same one. */
const handedOut = new Set<number>();

/** A TCP port of 127.0.0.1 that nothing listens on, and that this process has not handed out before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < maxTries; attempt++) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort));
    if (handedOut.has(port)) continue;
    if (await isFree(port)) {
      handedOut.add(port);
      return port;
    }
  }
  throw new TestkitError('start-failed', `no free port between ${firstPort} and ${lastPort} in ${maxTries} tries`);
}

/** Whether `port` of 127.0.0.1 can be listened on now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** One command to a Redis, past all that is under test; its answer, without the protocol's first byte and length. @throws Error where it refuses */
export async function redisCommand(port: number, command: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  // QUIT ends the answer.
  socket.end(`${command}\r\nQUIT\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.startsWith('-')) throw new Error(`Redis answered ${command} with ${text}`);
  const answer = text.slice(0, text.lastIndexOf('+OK'));
  return answer.startsWith('$') ? answer.slice(answer.indexOf('\r\n') + 2).trimEnd() : answer.slice(1).trimEnd();
}

/** How often each command was called since the server started or `CONFIG RESETSTAT`. */
export async function commandCounts(port: number): Promise<Map<string, number>> {
  const text = await redisCommand(port, 'INFO commandstats');
  const lines = text.split('\r\n').flatMap((line) => {
    const [, name, calls] = /^cmdstat_([^:]+):calls=(\d+)/.exec(line) ?? [];
    return name === undefined ? [] : [[name, Number(calls)] as const];
  });
  return new Map(lines);
}

/** Resolves when no command comes any more. */
export async function quiet(port: number): Promise<void> {
  let before = -1;
  for (;;) {
    const counts = await commandCounts(port);
    const total = [...counts].reduce((sum, [name, calls]) => (own.has(name) ? sum : sum + calls), 0);
    if (total === before) return;
    before = total;
    await delay(500);
  }
}

/** What asking for the counts itself calls. */
export const own: ReadonlySet<string> = new Set(['info', 'quit']);

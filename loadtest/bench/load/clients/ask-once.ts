import { Deferred, withDeadline } from '@pharos/lifecycle';

import type { Answer } from './commands.ts';
import { Connection } from './connection.ts';

const timeoutMs = 30_000;
const connectId = 1;
const askId = 2;

/** Asks a command over a connection of its own. @throws Error where there is no connection */
export async function askOnce(params: {
  readonly url: string;
  readonly token: string | undefined;
  readonly method: string;
  readonly params: object;
}): Promise<Answer> {
  const { url, token, method } = params;
  const answered = new Deferred<Answer>();
  let sentAt = 0;
  const connection = new Connection(url, {
    opened: () => connection.send({ id: connectId, connect: token === undefined ? {} : { token } }),
    reply: ({ id, error, ...reply }) => {
      if (id === connectId && error === undefined) {
        sentAt = performance.now();
        connection.send({ id: askId, [method]: params.params });
      } else if (id === connectId || id === askId) {
        answered.resolve({ ms: performance.now() - sentAt, code: error?.code ?? 0, result: reply[method] });
      }
    },
    ended: ({ code }) => answered.reject(new Error(`the connection to ${url} ended with code ${code}`)),
  });
  try {
    return await withDeadline(answered.promise, timeoutMs, `the answer to ${method}`);
  } finally {
    connection.close();
  }
}

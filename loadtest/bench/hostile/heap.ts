import { once } from 'node:events';
import { readdirSync } from 'node:fs';

import { Deferred, withDeadline } from '@pharos/lifecycle';
import { WebSocket } from 'ws';

import type { ServiceNode } from '../chaos/service-node.ts';
import { rssBytes } from '../frame/proc.ts';

const answerTimeoutMs = 30_000;
/** What a collection lets go of may be held by something that the next one lets go of. */
const collections = 3;

/** What a process holds, after its garbage was collected. */
export interface Held {
  /** JavaScript's heap and the buffers beside it. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly descriptors: number;
}

/** Asks a running process by its inspector, which SIGUSR1 opens; it stays open. */
export async function heldBy(node: ServiceNode): Promise<Held> {
  const socket = new WebSocket(await node.inspectorUrl());
  await once(socket, 'open');
  try {
    const ask = asking(socket);
    for (let time = 0; time < collections; time++) await ask('HeapProfiler.collectGarbage', {});
    const expression = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())';
    const answer = await ask('Runtime.evaluate', { expression, returnByValue: true });
    const heapBytes = (answer as { result: { value: number } }).result.value;
    const descriptors = readdirSync(`/proc/${node.pid}/fd`).length;
    return { heapBytes, rssBytes: rssBytes(node.pid), descriptors };
  } finally {
    socket.terminate();
  }
}

function asking(socket: WebSocket): (method: string, params: object) => Promise<unknown> {
  const waiting = new Map<number, Deferred<unknown>>();
  socket.on('message', (data) => {
    const { id = 0, result } = JSON.parse((data as Buffer).toString('utf8')) as { id?: number; result?: unknown };
    waiting.get(id)?.resolve(result);
    waiting.delete(id);
  });
  let nextId = 1;
  return (method, params) => {
    const id = nextId++;
    const answer = new Deferred<unknown>();
    waiting.set(id, answer);
    socket.send(JSON.stringify({ id, method, params }));
    return withDeadline(answer.promise, answerTimeoutMs, `the answer to ${method}`);
  };
}

import { setImmediate as nextTurn } from 'node:timers/promises';

/** Frees what can be freed; several times, because finalizers of one collection leave garbage for the next. */
export async function collectGarbage(): Promise<void> {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('start the process with --expose-gc');
  for (let round = 0; round < 4; round++) {
    collect();
    await nextTurn();
  }
}

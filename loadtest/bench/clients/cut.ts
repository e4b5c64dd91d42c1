import { setTimeout as delay } from 'node:timers/promises';

import { percentile } from '../frame/statistics.ts';
import type { CutParams, CutSummary } from './commands.ts';
import type { Endpoints } from './endpoints.ts';
import type { RawClient } from './raw-client.ts';

const pollMs = 25;
/** Ten thousand clients on a busy machine. */
const backTimeoutMs = 120_000;

/** Cuts the connections of some clients at once; resolves when all of them are subscribed again. */
export async function cut(all: readonly RawClient[], endpoints: Endpoints, params: CutParams): Promise<CutSummary> {
  const { share, awayMs, endpoints: urls } = params;
  if (urls !== undefined) endpoints.set(urls);
  const clients = all.slice(0, Math.ceil(all.length * share));
  const before = clients.map((client) => ({ client, from: eventCounts(client), answers: answerCounts(client) }));
  const backMs = Date.now() + awayMs;
  for (const client of clients) client.cut(backMs);
  await delay(awayMs);
  const left = new Set(before);
  while (left.size > 0) {
    for (const one of left) {
      const isBack = answerCounts(one.client).every((count, at) => count > (one.answers[at] ?? 0));
      if (isBack) left.delete(one);
    }
    if (Date.now() - backMs > backTimeoutMs)
      throw new Error(`${left.size} clients were not back in ${backTimeoutMs} ms`);
    await delay(pollMs);
  }
  const since = before.flatMap(({ client, from }) =>
    client.record.streams().flatMap(({ events }, stream) => events.slice(from[stream] ?? 0)),
  );
  const answers = since.flatMap((event) => (event.kind === 'subscribed' ? [event] : []));
  const times = answers.map(({ atMs }) => atMs - backMs);
  return {
    clients: clients.length,
    p50Ms: percentile(times, 50),
    p99Ms: percentile(times, 99),
    maxMs: percentile(times, 100),
    recovered: answers.filter(({ wasRecovering, recovered }) => wasRecovering && recovered).length,
    refusals: since.filter(({ kind }) => kind === 'refused').length,
    notRecovered: answers.filter(({ wasRecovering, recovered }) => wasRecovering && !recovered).length,
  };
}

function answerCounts({ record }: RawClient): number[] {
  return [...record.channels].map((channel) => record.answers(channel));
}

function eventCounts({ record }: RawClient): number[] {
  return record.streams().map(({ events }) => events.length);
}

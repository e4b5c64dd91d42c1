import { setTimeout as delay } from 'node:timers/promises';

import { percentile } from '../frame/statistics.ts';
import type { CutSummary } from './commands.ts';
import type { RawClient } from './raw-client.ts';

const pollMs = 25;
/** Ten thousand clients on a busy machine. */
const backTimeoutMs = 120_000;

interface Before {
  readonly client: RawClient;
  readonly from: number[];
  readonly answers: number[];
}

/** Clients that were cut off, and what each had seen until then. */
export class Cut {
  readonly #before: readonly Before[];

  /** Cuts the connections of clients at once. */
  constructor(clients: readonly RawClient[]) {
    this.#before = clients.map((client) => ({ client, from: eventCounts(client), answers: answerCounts(client) }));
    for (const client of clients) client.cutOff();
  }

  /** Lets them come back; resolves when all of them are subscribed again. */
  async end(): Promise<CutSummary> {
    const backMs = Date.now();
    for (const { client } of this.#before) client.comeBack();
    const left = new Set(this.#before);
    while (left.size > 0) {
      for (const one of left) {
        const isBack = answerCounts(one.client).every((count, at) => count > (one.answers[at] ?? 0));
        if (isBack) left.delete(one);
      }
      if (Date.now() - backMs > backTimeoutMs) {
        throw new Error(`${left.size} clients were not back in ${backTimeoutMs} ms: ${describe([...left])}`);
      }
      await delay(pollMs);
    }
    const since = this.#before.flatMap(({ client, from }) =>
      client.record.streams().flatMap(({ events }, stream) => events.slice(from[stream] ?? 0)),
    );
    const answers = since.flatMap((event) => (event.kind === 'subscribed' ? [event] : []));
    const times = answers.map(({ atMs }) => atMs - backMs);
    return {
      clients: this.#before.length,
      p50Ms: percentile(times, 50),
      p99Ms: percentile(times, 99),
      maxMs: percentile(times, 100),
      recovered: answers.filter(({ wasRecovering, recovered }) => wasRecovering && recovered).length,
      refusals: since.filter(({ kind }) => kind === 'refused').length,
      notRecovered: answers.filter(({ wasRecovering, recovered }) => wasRecovering && !recovered).length,
    };
  }
}

/** What clients that aren't back have met since, and where they were: for people who read a failure. */
function describe(left: readonly Before[]): string {
  const each = left.slice(0, 5).map(({ client: { record }, from }) => {
    const met = record.streams().map(({ channel, events }, stream) => {
      const since = events.slice(from[stream] ?? 0);
      const kinds = since.map((event) => ('code' in event ? `${event.kind} ${event.code}` : event.kind));
      const last = events.findLast(({ kind }) => kind === 'subscribed' || kind === 'publication');
      return `${channel}: ${kinds.length} events, last ${kinds.slice(-3).join(', ')}; at ${record.position(channel)} since ${last?.atMs}`;
    });
    return `${record.name} (${met.join('; ')})`;
  });
  return each.join(' | ');
}

function answerCounts({ record }: RawClient): number[] {
  return [...record.channels].map((channel) => record.answers(channel));
}

function eventCounts({ record }: RawClient): number[] {
  return record.streams().map(({ events }) => events.length);
}

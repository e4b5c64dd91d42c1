import { keepingNamespace, unavailable, uniqueTopic } from '@pharos/testkit';

import { ProcessGroup } from '../frame/child.ts';
import type { FigureContext, FigureOutcome } from '../frame/figure.ts';
import { ClientContestant } from './java-contestants.ts';

/** The two clients, a third process for what isn't measured, and the broker that all of them use. */
export interface Duel {
  readonly pharos: ClientContestant;
  readonly java: ClientContestant;
  readonly helper: ClientContestant;
  /** @returns a new topic, which keeps its messages though there may be moments when nobody is subscribed */
  readonly topic: (name: string) => string;
}

/** Starts all for a figure and ends them after it; without Java the figure is skipped. */
export async function duel(
  id: string,
  context: FigureContext,
  measure: (clients: Duel) => Promise<FigureOutcome['results']>,
): Promise<FigureOutcome> {
  const pulsar = unavailable('jdk') || (await context.pulsar());
  if (typeof pulsar === 'string') return { results: [], skipped: [{ id, reason: pulsar }] };
  const { serviceUrl, adminUrl } = pulsar;
  const namespace = await keepingNamespace(adminUrl);
  const processes = new ProcessGroup();
  try {
    const results = await measure({
      java: await ClientContestant.java(processes, serviceUrl),
      pharos: await ClientContestant.pharos(processes, serviceUrl),
      helper: await ClientContestant.pharos(processes, serviceUrl),
      topic: (name) => uniqueTopic(name, namespace),
    });
    return { results, skipped: [] };
  } finally {
    await processes.stop();
  }
}

/** Who goes first in a round: in turns, so that a machine that gets slower slows both. */
export function inTurn<T>(round: number, first: T, second: T): readonly [T, T] {
  return round % 2 === 0 ? [first, second] : [second, first];
}

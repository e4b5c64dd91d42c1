import type { LatencyResult } from '../frame/client-roles.ts';
import type { Figure, FigureContext, FigureOutcome, FigureResult } from '../frame/figure.ts';
import { type Pair, summarise } from '../frame/pairs.ts';
import { type ClientContestant, payloadBytes } from './java-contestants.ts';
import { type Duel, duel, inTurn } from './java-rounds.ts';

const id = 'J3';
const reach = 1.1;
const perSecond = 1_000;

export interface J3Size {
  readonly windowSeconds: number;
  /** Windows that nobody counts. */
  readonly warmUps: number;
}

const fullSize: J3Size = { windowSeconds: 10, warmUps: 3 };
const quickSize: J3Size = { windowSeconds: 3, warmUps: 2 };

/** How long a message takes from a producer to a consumer. */
export const j3: Figure = {
  id,
  title: 'latency from publish to receive ÷ the Java client',
  measure: (context) => measureJ3(context, context.quick ? quickSize : fullSize),
};

export function measureJ3(context: FigureContext, size: J3Size): Promise<FigureOutcome> {
  return duel(id, context, (clients) => measureWith(clients, context, size));
}

async function measureWith(
  { pharos, java, topic }: Duel,
  context: FigureContext,
  size: J3Size,
): Promise<FigureResult[]> {
  const count = Math.round(size.windowSeconds * perSecond);
  const rounds: { pharos: LatencyResult; java: LatencyResult }[] = [];
  for (let round = -size.warmUps; round < context.pairs; round++) {
    const results = new Map<ClientContestant, LatencyResult>();
    for (const client of inTurn(round, pharos, java)) {
      const result = await client.latency(topic('bench-j3'), count, perSecond);
      results.set(client, result);
      const what = round < 0 ? 'warming up' : `round ${round + 1} of ${context.pairs}`;
      context.progress(
        `${id}: ${what}: ${client.name} p50 ${Math.round(result.p50)}, p99 ${Math.round(result.p99)} µs`,
      );
    }
    const [ours, theirs] = [results.get(pharos), results.get(java)];
    if (round >= 0 && ours !== undefined && theirs !== undefined) rounds.push({ pharos: ours, java: theirs });
  }
  const figure = (percentile: 'p50' | 'p99'): FigureResult => {
    const what = `${percentile} of publish to receive, ${perSecond} msg/s of ${payloadBytes} B, this client ÷ Java's`;
    const sample = (result: LatencyResult): Pair['pharos'] => ({ value: result[percentile], checked: result.checked });
    const pairs = rounds.map((each) => ({ pharos: sample(each.pharos), floor: sample(each.java) }));
    return summarise({ id: `${id}-${percentile}`, what, unit: 'µs', reach }, pairs);
  };
  return [figure('p50'), figure('p99')];
}

import type { Encoding } from '@pharos/client-protocol';
import { uniqueTopic } from '@pharos/testkit';

import { ProcessGroup } from '../frame/child.ts';
import type { Figure, FigureContext, FigureOutcome, FigureResult } from '../frame/figure.ts';
import { summarise } from '../frame/pairs.ts';
import type { BusChoice } from '../frame/roles.ts';
import { inRounds, pairsOf } from '../frame/rounds.ts';
import { type Audience, type Contestant, startEdge, startFloor } from './p1-contestant.ts';

const id = 'P1';
/** Frames of 128 bytes of payload: with what the protocol adds, about 200 on the wire. */
const payloadBytes = 128;
const reach = 1.15;

/** How large a run is. */
export interface P1Size {
  readonly subscribers: number;
  readonly perSecond: readonly number[];
  readonly windowSeconds: number;
  readonly warmUpSeconds: number;
}

const fullSize: P1Size = { subscribers: 1_000, perSecond: [10, 100], windowSeconds: 10, warmUpSeconds: 5 };
const quickSize: P1Size = { ...fullSize, windowSeconds: 3, warmUpSeconds: 2 };
const warmUpPerSecond = 100;

/** CPU that a server spends on a delivery, from what comes off the bus to the socket. */
export const p1: Figure = {
  id,
  title: 'CPU per delivery ÷ bare uWS publish',
  measure: (context) => measureP1(context, context.quick ? quickSize : fullSize),
};

export async function measureP1(context: FigureContext, size: P1Size): Promise<FigureOutcome> {
  const pulsar = await context.pulsar();
  const onPulsar =
    typeof pulsar === 'string' ? [] : [{ kind: 'pulsar' as const, topic: uniqueTopic('bench'), ...pulsar }];
  const skipped = typeof pulsar === 'string' ? [{ id: `${id}-json-pulsar`, reason: pulsar }] : [];
  const json = await measureEncoding(context, size, 'json', [{ kind: 'memory' }, ...onPulsar]);
  // What comes off the bus is the same for both encodings.
  const protobuf = await measureEncoding(context, size, 'protobuf', [{ kind: 'memory' }]);
  return { results: [...json, ...protobuf], skipped };
}

async function measureEncoding(
  context: FigureContext,
  size: P1Size,
  encoding: Encoding,
  buses: readonly BusChoice[],
): Promise<FigureResult[]> {
  const processes = new ProcessGroup();
  try {
    const audience: Audience = { subscribers: size.subscribers, payloadBytes, encoding };
    const contestants = [await startFloor(processes, audience)];
    for (const bus of buses) contestants.push(await startEdge(processes, audience, bus));
    for (const contestant of contestants) {
      context.progress(`${id}: warming up ${contestant.name}, ${encoding}`);
      await contestant.measure(size.warmUpSeconds * warmUpPerSecond, warmUpPerSecond);
    }
    const results: FigureResult[] = [];
    for (const perSecond of size.perSecond) {
      results.push(...(await measureRate(context, size, { perSecond, encoding }, contestants)));
    }
    return results;
  } finally {
    await processes.stop();
  }
}

async function measureRate(
  context: FigureContext,
  size: P1Size,
  { perSecond, encoding }: { readonly perSecond: number; readonly encoding: Encoding },
  contestants: readonly Contestant[],
): Promise<FigureResult[]> {
  const rounds = await inRounds(
    context,
    `${id}: ${perSecond} msg/s,`,
    contestants,
    (contestant) => contestant.measure(size.windowSeconds * perSecond, perSecond),
    (value) => `${value.toFixed(2)} µs`,
  );
  const [floor, ...edges] = contestants;
  return edges.map((edge) => {
    const figure = {
      id: `${id}-${encoding}-${edge.name}-${perSecond}`,
      what: `CPU per delivery, edge on ${edge.name}, ${encoding}, ${size.subscribers} subscribers, ${payloadBytes} B, ${perSecond} msg/s`,
      unit: 'µs',
      reach,
    };
    return summarise(figure, pairsOf(rounds, edge, floor as Contestant));
  });
}

import type { Figure, FigureContext, FigureOutcome, FigureResult } from '../frame/figure.ts';
import { type Pair, summarise } from '../frame/pairs.ts';
import { type ClientContestant, payloadBytes, type Speed } from './java-contestants.ts';
import { type Duel, duel, inTurn } from './java-rounds.ts';

const id = 'J1';

export interface J1Size {
  readonly messages: number;
  /** Rounds that nobody counts: Java compiles what it runs often. */
  readonly warmUps: number;
}

const fullSize: J1Size = { messages: 500_000, warmUps: 4 };
const quickSize: J1Size = { messages: 100_000, warmUps: 2 };

/** How fast messages are published. */
export const j1: Figure = {
  id,
  title: 'publishing ÷ the Java client',
  measure: (context) => measureJ1(context, context.quick ? quickSize : fullSize),
};

export function measureJ1(context: FigureContext, size: J1Size): Promise<FigureOutcome> {
  return duel(id, context, (clients) => measureWith(clients, context, size));
}

async function measureWith(clients: Duel, context: FigureContext, size: J1Size): Promise<FigureResult[]> {
  const rounds: { pharos: Speed; java: Speed }[] = [];
  for (let round = -size.warmUps; round < context.pairs; round++) {
    const speeds = new Map<ClientContestant, Speed>();
    for (const client of inTurn(round, clients.pharos, clients.java)) {
      const topic = clients.topic('bench-j1');
      const check = async () => (await clients.helper.consume(topic, size.messages, 'entries')).rate.checked;
      const speed = await client.produce(topic, size.messages, check);
      speeds.set(client, speed);
      const what = round < 0 ? 'warming up' : `round ${round + 1} of ${context.pairs}`;
      context.progress(`${id}: ${what}: ${client.name} ${Math.round(speed.rate.value)} msg/s`);
    }
    const [pharos, java] = [speeds.get(clients.pharos), speeds.get(clients.java)];
    if (round >= 0 && pharos !== undefined && java !== undefined) rounds.push({ pharos, java });
  }
  const what = `publishing ${size.messages} × ${payloadBytes} B in batches, this client ÷ Java's`;
  const pairs = (of: (speed: Speed) => Pair['pharos']): Pair[] =>
    rounds.map(({ pharos, java }) => ({ pharos: of(pharos), floor: of(java) }));
  return [
    summarise(
      { id: `${id}-rate`, what: `messages a second: ${what}`, unit: 'msg/s', reach: 0.8, better: 'more' },
      pairs(({ rate }) => rate),
    ),
    summarise(
      { id: `${id}-cpu`, what: `messages a CPU second: ${what}`, unit: 'msg/CPU s', reach: 0.5, better: 'more' },
      pairs(({ perCpuSecond }) => perCpuSecond),
    ),
  ];
}

import type { ConsumeHow } from '../frame/client-roles.ts';
import { nothing } from '../frame/delivery-check.ts';
import type { Figure, FigureContext, FigureOutcome, FigureResult } from '../frame/figure.ts';
import { summarise } from '../frame/pairs.ts';
import { payloadBytes, type Speed } from './java-contestants.ts';
import { type Duel, duel } from './java-rounds.ts';

const id = 'J2';

export interface J2Size {
  readonly messages: number;
  /** Rounds that nobody counts, of each way to consume. */
  readonly warmUps: number;
}

const fullSize: J2Size = { messages: 1_000_000, warmUps: 2 };
const quickSize: J2Size = { messages: 200_000, warmUps: 1 };

/** This client's ways, and what each should reach of Java's best. */
const ways = [
  { how: 'entries', reach: 0.8, name: 'whole entries' },
  { how: 'batch', reach: 0.6, name: 'batchReceive' },
  { how: 'single', reach: 0.3, name: 'receive one by one' },
] as const;

const javaWays: Readonly<Record<Exclude<ConsumeHow, 'entries'>, string>> = {
  single: 'receive',
  batch: 'batchReceive',
  listener: 'a message listener',
};

/** How fast a backlog is consumed. */
export const j2: Figure = {
  id,
  title: 'consuming a backlog ÷ the Java client at its best',
  measure: (context) => measureJ2(context, context.quick ? quickSize : fullSize),
};

export function measureJ2(context: FigureContext, size: J2Size): Promise<FigureOutcome> {
  return duel(id, context, (clients) => measureWith(clients, context, size));
}

type Round = Map<ConsumeHow | 'java', Speed>;

async function measureWith(clients: Duel, context: FigureContext, size: J2Size): Promise<FigureResult[]> {
  const topic = clients.topic('bench-j2');
  await clients.helper.produce(topic, size.messages, async () => nothing);
  const best = await warmUp(clients, topic, context, size);
  const rounds: Round[] = [];
  for (let round = 0; round < context.pairs; round++) {
    const turns: readonly (ConsumeHow | 'java')[] = ['java', ...ways.map(({ how }) => how)];
    const speeds: Round = new Map();
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) {
      const speed =
        turn === 'java'
          ? await clients.java.consume(topic, size.messages, best)
          : await clients.pharos.consume(topic, size.messages, turn);
      speeds.set(turn, speed);
      context.progress(`${id}: round ${round + 1} of ${context.pairs}: ${turn} ${Math.round(speed.rate.value)} msg/s`);
    }
    rounds.push(speeds);
  }
  return ways.flatMap((way) => results(way, javaWays[best], rounds, size));
}

/** @returns which way is Java's fastest */
async function warmUp(
  { pharos, java }: Duel,
  topic: string,
  context: FigureContext,
  size: J2Size,
): Promise<keyof typeof javaWays> {
  const rates = new Map<keyof typeof javaWays, number>();
  for (let round = 0; round < size.warmUps; round++) {
    for (const { how } of ways) await pharos.consume(topic, size.messages, how);
    for (const how of ['single', 'batch', 'listener'] as const) {
      const { rate } = await java.consume(topic, size.messages, how);
      rates.set(how, rate.value);
      context.progress(`${id}: warming up: java by ${javaWays[how]} ${Math.round(rate.value)} msg/s`);
    }
  }
  const [best = ['batch', 0] as const] = [...rates].sort(([, a], [, b]) => b - a);
  return best[0];
}

function results(
  { how, reach, name }: (typeof ways)[number],
  javaWay: string,
  rounds: readonly Round[],
  size: J2Size,
): FigureResult[] {
  const what = `${size.messages} × ${payloadBytes} B, ${name} ÷ Java's ${javaWay}`;
  const pairs = (of: (speed: Speed) => Speed['rate']) =>
    rounds.map((speeds) => ({ pharos: of(speeds.get(how) as Speed), floor: of(speeds.get('java') as Speed) }));
  return [
    summarise(
      { id: `${id}-${how}-rate`, what: `messages a second: ${what}`, unit: 'msg/s', reach, better: 'more' },
      pairs(({ rate }) => rate),
    ),
    summarise(
      { id: `${id}-${how}-cpu`, what: `messages a CPU second: ${what}`, unit: 'msg/CPU s', reach, better: 'more' },
      pairs(({ perCpuSecond }) => perCpuSecond),
    ),
  ];
}

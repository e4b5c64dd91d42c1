import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { HistoryStore } from '@pharos/history';
import { type Json, ProtocolClient } from './clients.ts';
import type { TestEdge } from './edge.ts';
import { FaultyHistory } from './faulty-history.ts';
import { HistoryWriter } from './history-writer.ts';
import { type Outsider, startEdge, startOutsider, type World } from './world.ts';

/** A store, and how to empty it as somebody's FLUSHALL does. */
export interface TestStore {
  readonly history: HistoryStore;
  flush(): Promise<void>;
}

export interface SubscribeResult {
  readonly epoch: string;
  readonly offset?: number;
  readonly recovered?: boolean;
  readonly publications?: readonly { readonly data: unknown; readonly offset: number }[];
}

const limits = { size: 300, ttlMs: 300_000, metaTtlMs: 600_000 };
/** The ring is so small that a few of these fill it. */
const smallRing = { PHAROS_RING_MAX_LANE_SIZE: '64KiB' };
const filler = JSON.stringify('x'.repeat(20_000));
const fillers = 6;

export interface Setting {
  readonly world: World;
  readonly edge: TestEdge;
  readonly outsider: Outsider;
  readonly history: FaultyHistory;
  readonly store: TestStore;
  readonly writer: HistoryWriter;
  /** Follows the channel `room` and the filler's. */
  readonly witness: ProtocolClient;
  /** Pushes all that the ring has out of it. */
  readonly evict: () => Promise<void>;
}

/** An edge with a store that is filled, and a ring that a few publications fill. */
export async function setStore(t: TestContext, world: World, store: TestStore, env = {}): Promise<Setting> {
  const history = new FaultyHistory(store.history);
  const bus = world.bus();
  const writer = await HistoryWriter.start(bus, world.topic, store.history, limits);
  t.after(async () => {
    await writer.stop();
    await bus.close();
  });
  const edge = await startEdge(t, world, { history, env: { ...smallRing, ...env } });
  const outsider = await startOutsider(t, world);
  const witness = await ProtocolClient.connect(t, edge);
  await witness.subscribe('room');
  await witness.subscribe('filler');
  const evict = async (): Promise<void> => {
    const before = witness.publications.items.filter(({ channel }) => channel === 'filler').length;
    for (let number = 1; number <= fillers; number++) await outsider.append('filler', filler);
    await witness.publications.waitUntil(
      () => witness.publications.items.filter(({ channel }) => channel === 'filler').length >= before + fillers,
      'the fillers',
    );
  };
  return { world, edge, outsider, history, store, writer, witness, evict };
}

export async function append({ outsider, witness }: Setting, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number++) await outsider.append('room', String(number));
  await witness.publications.waitUntil(() => witness.dataOf('room').includes(to), `${to}`);
}

export async function call(t: TestContext, edge: TestEdge, options: Json, channel = 'room'): Promise<Json> {
  const client = await ProtocolClient.connect(t, edge);
  return client.subscribe(channel, { recoverable: true, ...options });
}

export async function resume(
  t: TestContext,
  edge: TestEdge,
  options: Json,
  channel = 'room',
): Promise<SubscribeResult> {
  const reply = await call(t, edge, options, channel);
  assert.ok(reply['subscribe'] !== undefined, JSON.stringify(reply));
  return reply['subscribe'] as SubscribeResult;
}

export const dataOf = ({ publications = [] }: Pick<SubscribeResult, 'publications'>): unknown[] =>
  publications.map(({ data }) => data);
export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);
export const codeOf = (reply: Json): unknown => (reply['error'] as { code?: unknown } | undefined)?.code;

import { type Bus, MemoryBroker, type MemoryBrokerOptions, MemoryBus } from '@pharos/bus';
import type { HistoryStore } from '@pharos/history';
import type { PresenceStore } from '@pharos/presence';
import type { TestContext } from 'node:test';
import { startTestEdge, type TestEdge } from './edge.ts';

/** The logs that a scenario runs on, whatever carries them: every bus of a world sees the same ones. */
export interface World {
  readonly topic: string;
  bus(): Bus;
}

export interface MemoryWorld extends World {
  readonly broker: MemoryBroker;
}

/** A scenario registers tests for one socket server, on worlds that it asks for. */
export type Scenario = (makeWorld: () => World, socket: 'uws' | 'ws') => void;

/** For clients that answer no pings: where a test takes long, they would be ended. */
export const withoutPings = { PHAROS_CLIENT_PING_INTERVAL: '600s' } as const;

/** An edge whose lanes don't come takes clients all the same, and soon. */
export const withoutPrefill = { PHAROS_RING_PREFILL_TIMEOUT: '100ms' } as const;

export const socketServers: readonly ('uws' | 'ws')[] = ['uws', 'ws'];

export function memoryWorld(options: MemoryBrokerOptions = {}): MemoryWorld {
  const broker = new MemoryBroker(options);
  return { broker, topic: 'persistent://public/default/chat', bus: () => new MemoryBus(broker) };
}

export interface StartOptions {
  readonly socket?: 'uws' | 'ws';
  readonly env?: Readonly<Record<string, string>>;
  readonly closeTimeoutMs?: number;
  /** @default a bus of the world */
  readonly bus?: Bus;
  readonly history?: HistoryStore;
  readonly presence?: PresenceStore;
}

/** An edge on the world's log, stopped when the test ends. */
export async function startEdge(t: TestContext, world: World, options: StartOptions = {}): Promise<TestEdge> {
  const edge = await startTestEdge({
    bus: options.bus ?? world.bus(),
    // The page needs a build, and has its own tests.
    env: { PHAROS_CHAT_PAGE: 'false', PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: world.topic, ...options.env },
    ...(options.socket === undefined ? {} : { socket: options.socket }),
    ...(options.history === undefined ? {} : { history: options.history }),
    ...(options.presence === undefined ? {} : { presence: options.presence }),
    ...(options.closeTimeoutMs === undefined ? {} : { closeTimeoutMs: options.closeTimeoutMs }),
  });
  t.after(() => edge.stop());
  return edge;
}

/** What any other program does that writes to the topic: bytes with a key and properties of its choice. */
export interface Outsider {
  append(channel: string, data: string | Uint8Array, properties?: Record<string, string>): Promise<void>;
}

export async function startOutsider(t: TestContext, world: World): Promise<Outsider> {
  const bus = world.bus();
  t.after(() => bus.close());
  const log = await bus.openLog({ topic: world.topic });
  return {
    async append(channel, data, properties = {}): Promise<void> {
      await log.append({ channel, data: Buffer.from(data), properties }, 60_000);
    },
  };
}

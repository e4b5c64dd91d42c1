import { randomBytes } from 'node:crypto';
import { PulsarBus } from '@pharos/bus';
import { decodeLifecycleEvent, type LifecycleEvent, lifecycleTopic } from '@pharos/channels';
import { Collector } from '@pharos/testkit';

/** Reads a lifecycle topic from its beginning, past all services. */
export class LifecycleWatch {
  readonly events: Collector<LifecycleEvent> = new Collector<LifecycleEvent>();
  readonly #bus: PulsarBus;

  private constructor(bus: PulsarBus) {
    this.#bus = bus;
  }

  static async start(address: { serviceUrl: string; adminUrl: string; topic: string }): Promise<LifecycleWatch> {
    const { serviceUrl, adminUrl, topic } = address;
    const watch = new LifecycleWatch(
      new PulsarBus({ serviceUrl, adminUrl, namePrefix: randomBytes(6).toString('hex') }),
    );
    const log = await watch.#bus.openLog({ topic: lifecycleTopic(topic) });
    for (let lane = 0; lane < log.lanes; lane++) {
      await log.attach(
        lane,
        {
          entry: (entry) => {
            for (const cursor = entry.publications(); cursor.next(); ) {
              if (cursor.isMarker()) continue;
              const data = cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd);
              const event = decodeLifecycleEvent(cursor.channel(), data);
              if (event !== undefined) watch.events.add(event);
            }
          },
        },
        { at: 'earliest' },
      );
    }
    return watch;
  }

  close(): Promise<void> {
    return this.#bus.close();
  }

  /** `join` and `leave` of each client, in order, each id once. */
  get byClient(): ReadonlyMap<string, string[]> {
    const ids = new Set<string>();
    const clients = new Map<string, string[]>();
    for (const { id, type, info } of this.events.items) {
      if (ids.has(id)) continue;
      ids.add(id);
      clients.set(info.client, [...(clients.get(info.client) ?? []), type]);
    }
    return clients;
  }

  of(client: string): string[] {
    return this.byClient.get(client) ?? [];
  }

  /** Clients whose joins and leaves don't take turns, beginning with a join. */
  get unmatched(): string[] {
    const isRight = (types: readonly string[]): boolean =>
      types.every((type, index) => type === (index % 2 === 0 ? 'join' : 'leave'));
    return [...this.byClient]
      .filter(([, types]) => !isRight(types))
      .map(([client, types]) => `${client}: ${types.join()}`);
  }
}

import { Child } from '../frame/child.ts';
import type { Checked } from '../frame/delivery-check.ts';
import type { Load } from '../frame/pacer.ts';
import type { Sample } from '../frame/pairs.ts';
import { cpuMicros } from '../frame/proc.ts';
import type {
  BusChoice,
  ClientProtocol,
  EdgeServerCommands,
  FloorServerCommands,
  PublisherCommands,
  ReceiverCommands,
} from '../frame/roles.ts';

/** After the last publication of a window; what hasn't come then is lost. */
const deliveryTimeoutMs = 15_000;

/** Something that takes publications and delivers each of them to all of its clients. */
interface Parts {
  readonly name: string;
  /** The server that is measured. */
  readonly pid: number;
  readonly port: number;
  readonly protocol: ClientProtocol;
  readonly publish: (load: Load) => Promise<void>;
  /** Everything but the clients, in the order in which it is to end. */
  readonly processes: readonly { stop(): Promise<void> }[];
}

/** A server with its clients. */
export class Contestant {
  readonly name: string;
  readonly #parts: Parts;
  readonly #receiver: Child<ReceiverCommands>;
  #published = 0;
  #before: Checked = { deliveries: 0, lost: 0, duplicated: 0, reordered: 0 };

  private constructor(parts: Parts, receiver: Child<ReceiverCommands>) {
    this.name = parts.name;
    this.#parts = parts;
    this.#receiver = receiver;
  }

  static async start(parts: Parts, subscribers: number): Promise<Contestant> {
    const receiver = await Child.start<ReceiverCommands>('receiver');
    await receiver.call('connect', { port: parts.port, connections: subscribers, protocol: parts.protocol });
    return new Contestant(parts, receiver);
  }

  /** CPU of the server for each delivery, in microseconds, over `count` publications. */
  async measure(count: number, perSecond: number): Promise<Sample> {
    const { pid, publish } = this.#parts;
    const from = this.#published;
    this.#published += count;
    const cpuBefore = cpuMicros(pid);
    await publish({ from, count, perSecond });
    await this.#receiver.call('awaitDeliveries', { published: this.#published, timeoutMs: deliveryTimeoutMs });
    const cpu = cpuMicros(pid) - cpuBefore;
    const total = await this.#receiver.call('check', { published: this.#published });
    const checked = subtract(total, this.#before);
    this.#before = total;
    return { value: cpu / checked.deliveries, checked };
  }

  async stop(): Promise<void> {
    await this.#receiver.stop();
    for (const process of this.#parts.processes) await process.stop();
  }
}

export async function startFloor(subscribers: number, payloadBytes: number): Promise<Contestant> {
  const server = await Child.start<FloorServerCommands>('floor-server');
  const { port } = await server.call('start');
  const publish = (load: Load): Promise<void> => server.call('publish', { load, payloadBytes });
  const parts: Parts = { name: 'floor', pid: server.pid, port, protocol: 'bare', publish, processes: [server] };
  return Contestant.start(parts, subscribers);
}

/** An edge, named after its bus; on Pulsar, the publications come from a process of their own. */
export async function startEdge(subscribers: number, payloadBytes: number, bus: BusChoice): Promise<Contestant> {
  const server = await Child.start<EdgeServerCommands>('edge-server');
  const { port } = await server.call('start', { bus });
  const edge = { name: bus.kind, pid: server.pid, port, protocol: 'centrifuge' } as const;
  if (bus.kind === 'memory') {
    const publish = (load: Load): Promise<void> => server.call('publish', { load, payloadBytes });
    return Contestant.start({ ...edge, publish, processes: [server] }, subscribers);
  }
  const publisher = await Child.start<PublisherCommands>('pulsar-publisher');
  await publisher.call('start', { serviceUrl: bus.serviceUrl, topic: bus.topic });
  const publish = (load: Load): Promise<void> => publisher.call('publish', { load, payloadBytes });
  return Contestant.start({ ...edge, publish, processes: [publisher, server] }, subscribers);
}

/** What a window added. Losses, repeats and disorder of earlier windows are counted there. */
function subtract(total: Checked, before: Checked): Checked {
  return {
    deliveries: total.deliveries - before.deliveries,
    lost: total.lost - before.lost,
    duplicated: total.duplicated - before.duplicated,
    reordered: total.reordered - before.reordered,
  };
}

import type { Encoding } from '@pharos/client-protocol';

import type { Child, ProcessGroup } from '../frame/child.ts';
import { addChecked, type Checked, nothing, subtractChecked } from '../frame/delivery-check.ts';
import type { Load, Paced } from '../frame/pacer.ts';
import type { Sample } from '../frame/pairs.ts';
import { cpuMicros } from '../frame/proc.ts';
import type {
  BusChoice,
  Certificate,
  ClientProtocol,
  EdgeServerCommands,
  FloorServerCommands,
  PublisherCommands,
  ReceiverCommands,
} from '../frame/roles.ts';

/** After the last publication of a window; what hasn't come then is lost. */
const deliveryTimeoutMs = 15_000;
/** Share of late publications in a window that may count. */
const maxLate = 0.05;
const maxAttempts = 3;

/** What takes publications and delivers each of them to all of its clients. */
interface Server {
  readonly name: string;
  /** The process that is measured. */
  readonly pid: number;
  readonly port: number;
  readonly protocol: ClientProtocol;
  readonly secure?: boolean;
  readonly publish: (load: Load) => Promise<Paced>;
}

/** A server with its clients. */
export class Contestant {
  readonly name: string;
  readonly #server: Server;
  readonly #receiver: Child<ReceiverCommands>;
  #published = 0;
  #before: Checked = nothing;

  private constructor(server: Server, receiver: Child<ReceiverCommands>) {
    this.name = server.name;
    this.#server = server;
    this.#receiver = receiver;
  }

  static async start(
    processes: ProcessGroup,
    server: Server,
    { subscribers, encoding }: Audience,
  ): Promise<Contestant> {
    const receiver = await processes.start<ReceiverCommands>('receiver');
    const { port, protocol, secure = false } = server;
    await receiver.call('connect', { port, connections: subscribers, protocol, encoding, secure });
    return new Contestant(server, receiver);
  }

  /**
   * CPU of the server for each delivery, in microseconds, over `count` publications. Measured again where the machine was too
   * busy with other things to hold the rate: publications that come together are written together, and cost less.
   */
  async measure(count: number, perSecond: number): Promise<Sample> {
    let checked = nothing;
    for (let attempt = 1; ; attempt++) {
      const window = await this.#window(count, perSecond);
      checked = addChecked(checked, window.checked);
      const late = window.late / count;
      if (late <= maxLate) return { value: window.cpuMicros / window.checked.deliveries, checked };
      if (attempt < maxAttempts) continue;
      const reason = `${(late * 100).toFixed(0)} % of the publications were late: the machine cannot hold ${perSecond} msg/s`;
      return { value: window.cpuMicros / window.checked.deliveries, checked, void: reason };
    }
  }

  async #window(count: number, perSecond: number): Promise<{ cpuMicros: number; late: number; checked: Checked }> {
    const { pid, publish } = this.#server;
    const from = this.#published;
    this.#published += count;
    const cpuBefore = cpuMicros(pid);
    const { late } = await publish({ from, count, perSecond });
    await this.#receiver.call('awaitDeliveries', { published: this.#published, timeoutMs: deliveryTimeoutMs });
    const cpu = cpuMicros(pid) - cpuBefore;
    const total = await this.#receiver.call('check', { published: this.#published });
    const checked = subtractChecked(total, this.#before);
    this.#before = total;
    return { cpuMicros: cpu, late, checked };
  }
}

/** How many clients a server gets, and what they receive. */
export interface Audience {
  readonly subscribers: number;
  readonly payloadBytes: number;
  readonly encoding: Encoding;
}

export async function startFloor(processes: ProcessGroup, audience: Audience): Promise<Contestant> {
  const { payloadBytes, encoding } = audience;
  const child = await processes.start<FloorServerCommands>('floor-server');
  const { port } = await child.call('start', { encoding });
  const publish = (load: Load): Promise<Paced> => child.call('publish', { load, payloadBytes });
  return Contestant.start(processes, { name: 'floor', pid: child.pid, port, protocol: 'bare', publish }, audience);
}

/** An edge, named after its bus; on Pulsar, the publications come from a process of their own. */
export async function startEdge(
  processes: ProcessGroup,
  audience: Audience,
  bus: BusChoice,
  tls?: Certificate,
): Promise<Contestant> {
  const { payloadBytes } = audience;
  const child = await processes.start<EdgeServerCommands>('edge-server');
  const { port } = await child.call('start', { bus, ...(tls === undefined ? {} : { tls }) });
  const name = tls === undefined ? bus.kind : `${bus.kind}, TLS`;
  const edge = { name, pid: child.pid, port, protocol: 'centrifuge', secure: tls !== undefined } as const;
  if (bus.kind === 'memory') {
    const publish = (load: Load): Promise<Paced> => child.call('publish', { load, payloadBytes });
    return Contestant.start(processes, { ...edge, publish }, audience);
  }
  const publisher = await processes.start<PublisherCommands>('pulsar-publisher');
  await publisher.call('start', { serviceUrl: bus.serviceUrl, topic: bus.topic });
  const publish = (load: Load): Promise<Paced> => publisher.call('publish', { load, payloadBytes });
  return Contestant.start(processes, { ...edge, publish }, audience);
}

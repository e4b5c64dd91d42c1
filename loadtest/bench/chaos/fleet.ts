import { describeFaults, type Fault, type SendLog, verifySends } from '@pharos/testkit';

import type {
  ClientCommands,
  ClientSpec,
  PresenceSummary,
  PublisherSpec,
  RawCommands,
  SdkCommands,
  StreamSummary,
} from '../clients/commands.ts';
import { type Child, ProcessGroup } from '../frame/child.ts';
import type { Rig } from './rig.ts';

export interface FleetOptions {
  readonly channels: readonly string[];
  /** Clients of the official SDK, each in one channel, channels in turn. */
  readonly sdkClients: number;
  /** Clients that speak the protocol by hand. */
  readonly rawClients: number;
  /** One for each channel. */
  readonly perSecond: number;
  readonly joinLeave?: boolean;
  /** Where clients connect. @default all edges */
  readonly at?: readonly string[];
  /** What publications carry besides their number. @default 64 */
  readonly padBytes?: number;
}

/** What the checker found since the run began. */
export interface FleetVerdict extends StreamSummary {
  readonly acknowledged: number;
  readonly unknown: number;
  readonly refused: number;
}

const defaultPadBytes = 64;
const openTimeoutMs = 120_000;
const settleTimeoutMs = 60_000;

/** Clients and publishers of a run, in processes of their own, and the checker over all of them. */
export class Fleet {
  readonly #rig: Rig;
  readonly #options: FleetOptions;
  readonly #processes: ProcessGroup;
  readonly sdk: Child<SdkCommands>;
  readonly raw: Child<RawCommands>;
  readonly #sends = new Map<string, SendLog>();

  private constructor(
    rig: Rig,
    options: FleetOptions,
    processes: ProcessGroup,
    children: { readonly sdk: Child<SdkCommands>; readonly raw: Child<RawCommands> },
  ) {
    this.#rig = rig;
    this.#options = options;
    this.#processes = processes;
    this.sdk = children.sdk;
    this.raw = children.raw;
  }

  /** Resolves when every client is subscribed. */
  static async open(rig: Rig, options: FleetOptions): Promise<Fleet> {
    const processes = new ProcessGroup();
    try {
      const sdk = await processes.start<SdkCommands>('sdk-clients');
      const raw = await processes.start<RawCommands>('raw-clients');
      const fleet = new Fleet(rig, options, processes, { sdk, raw });
      const common = {
        endpoints: options.at ?? rig.endpoints,
        joinLeave: options.joinLeave ?? false,
        timeoutMs: openTimeoutMs,
      };
      await Promise.all([
        sdk.call('open', {
          ...common,
          clients: clientsOf('sdk', options.sdkClients, options.channels, rig.endpoints.length),
        }),
        raw.call('open', {
          ...common,
          clients: clientsOf('raw', options.rawClients, options.channels, rig.endpoints.length),
        }),
      ]);
      return fleet;
    } catch (error) {
      await processes.stop();
      throw error;
    }
  }

  /** Spreads the clients over the edges again: where one died, all went to the others. Resolves when everybody is subscribed. */
  async spread(): Promise<void> {
    await Promise.all([this.sdk.call('spread'), this.raw.call('spread')]);
  }

  /** Begins to publish, or goes on. */
  publish(): Promise<void> {
    const { channels, perSecond, padBytes = defaultPadBytes } = this.#options;
    const publishers: PublisherSpec[] = channels.map((channel, index) => ({ name: `p${index}`, channel, perSecond }));
    return this.sdk.call('publish', { endpoints: this.#rig.endpoints, publishers, padBytes });
  }

  /** Stops publishing; resolves when the outcome of everything is known. */
  async hold(): Promise<void> {
    for (const log of await this.sdk.call('stopPublishing')) this.#keep(log);
  }

  /** Publishes one publication to each of the channels; resolves when the outcomes are known. */
  async publishEach(endpoint: string, channels: readonly string[], tag: string): Promise<void> {
    const { padBytes = defaultPadBytes } = this.#options;
    for (const log of await this.sdk.call('publishEach', { endpoint, channels, tag, padBytes })) this.#keep(log);
  }

  /**
   * Stops publishing, waits until everybody has everything, and holds all that was seen since the beginning against the log.
   * What is missing when the time is up is a fault; nothing is thrown for it.
   */
  async settle(): Promise<FleetVerdict> {
    await this.hold();
    const log = await this.#rig.readLog();
    const newest = Object.fromEntries([...log].map(([channel, { entries }]) => [channel, entries.at(-1)?.offset ?? 0]));
    const truths = this.#options.channels.map(
      (channel) => log.get(channel) ?? { channel, epoch: undefined, entries: [] },
    );
    const both: readonly Child<ClientCommands>[] = [this.sdk, this.raw];
    await Promise.all(both.map((child) => child.call('behind', { newest, timeoutMs: settleTimeoutMs })));
    const [sdk, raw] = await Promise.all(both.map((child) => child.call('verify', { truths, complete: true })));
    const sends = [...this.#sends.values()];
    const byChannel = new Map<string, SendLog[]>();
    for (const one of sends) byChannel.set(one.channel, [...(byChannel.get(one.channel) ?? []), one]);
    const sendFaults = truths.flatMap((truth) => verifySends(byChannel.get(truth.channel) ?? [], truth));
    return verdict([sdk as StreamSummary, raw as StreamSummary], sendFaults, sends);
  }

  /** Who was a member when, and what all clients saw of joins and leaves. */
  async presence(): Promise<PresenceSummary> {
    const [sdk, raw] = await Promise.all([this.sdk.call('presence'), this.raw.call('presence')]);
    // Who doesn't ask for joins and leaves isn't told of them.
    const logs = this.#options.joinLeave === true ? [...sdk.logs, ...raw.logs] : [];
    const standstills = [...sdk.standstills, ...raw.standstills];
    return { members: [...sdk.members, ...raw.members], logs, standstills };
  }

  async stop(): Promise<void> {
    await this.#processes.stop();
  }

  #keep({ publisher, channel, sends }: SendLog): void {
    const key = `${publisher} ${channel}`;
    const before = this.#sends.get(key)?.sends ?? [];
    this.#sends.set(key, { publisher, channel, sends: [...before, ...sends] });
  }
}

/** Clients take turns with the edges; each channel has some at every edge. */
function clientsOf(prefix: string, count: number, channels: readonly string[], edges: number): ClientSpec[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `${prefix} ${index}`,
    channels: [channels[Math.floor(index / edges) % channels.length] as string],
  }));
}

function verdict(
  summaries: readonly StreamSummary[],
  sendFaults: readonly Fault[],
  sends: readonly SendLog[],
): FleetVerdict {
  const sum = (of: (one: StreamSummary) => number): number => summaries.reduce((total, one) => total + of(one), 0);
  const outcomes = sends.flatMap((log) => log.sends).map(({ outcome }) => outcome);
  const count = (wanted: string): number => outcomes.filter((outcome) => outcome === wanted).length;
  return {
    faults: [...sendFaults, ...summaries.flatMap(({ faults }) => faults)],
    faultCount: sendFaults.length + sum(({ faultCount }) => faultCount),
    streams: sum(({ streams }) => streams),
    publications: sum(({ publications }) => publications),
    recovered: sum(({ recovered }) => recovered),
    told: sum(({ told }) => told),
    toldPublications: sum(({ toldPublications }) => toldPublications),
    acknowledged: count('acknowledged'),
    unknown: count('unknown'),
    refused: count('refused'),
  };
}

/** A verdict in one line, and its faults below. */
export function describeVerdict(verdict: FleetVerdict): string {
  const { streams, publications, recovered, told, toldPublications, acknowledged, unknown, refused } = verdict;
  const sent = `sent ${acknowledged} acknowledged, ${unknown} unknown, ${refused} refused`;
  const seen = `${streams} streams saw ${publications}; ${recovered} resumes recovered, ${told} told (of ${toldPublications})`;
  const faults =
    verdict.faultCount === 0 ? 'no fault' : `${verdict.faultCount} FAULTS\n${describeFaults(verdict.faults, 3)}`;
  return `${sent}; ${seen}; ${faults}`;
}

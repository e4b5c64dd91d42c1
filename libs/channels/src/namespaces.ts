import { BusError, type Bus, type LogSpec, parseTopic } from '@pharos/bus';

import { classifyPayload } from '@pharos/client-protocol';

import { defaultNamespace, isChannelName, nameInNamespace, namespaceName } from './channel-name.ts';
import { lifecycleTopic } from './lifecycle/event.ts';
import { LivingLog } from './living-log.ts';
import type { NamespaceConfig } from './options.ts';

/** A namespace with the log that its channels live in. */
export interface Namespace {
  readonly name: string;
  readonly options: NamespaceConfig;
  readonly log: LivingLog;
  /** Whether its channels may be called so; see `channel_regex`. */
  readonly pattern: RegExp | undefined;
  /** Where joins and leaves of its channels go; undefined where they go nowhere, or were not asked for. */
  readonly lifecycle: LivingLog | undefined;
}

/** Finds the namespace of a channel. */
export class Namespaces {
  readonly #byName: ReadonlyMap<string, Namespace>;
  /** Logs that those before these didn't have. */
  readonly #opened: readonly LivingLog[];

  private constructor(byName: ReadonlyMap<string, Namespace>, opened: readonly LivingLog[]) {
    this.#byName = byName;
    this.#opened = opened;
  }

  /**
   * Opens the log of every namespace, each topic once; where it fails none is left open. @throws BusError
   *
   * @param lifecycle whether topics of joins and leaves are opened too, for namespaces that have them
   * @param previous those until now, whose logs stay the same objects: their lanes are followed
   */
  static async open(
    bus: Bus,
    withoutNamespace: NamespaceConfig,
    namespaces: readonly (NamespaceConfig & { readonly name: string })[],
    { lifecycle = false, previous }: { readonly lifecycle?: boolean; readonly previous?: Namespaces | undefined } = {},
  ): Promise<Namespaces> {
    const opened: LivingLog[] = [];
    try {
      const open = async (spec: LogSpec): Promise<LivingLog> => {
        const log = await LivingLog.open(bus, spec);
        opened.push(log);
        return log;
      };
      return new Namespaces(await openAll(open, withoutNamespace, namespaces, lifecycle, previous), opened);
    } catch (error) {
      await closeAll(opened);
      throw error;
    }
  }

  /** Closes the logs that were opened for these namespaces, where nobody took them up. Never rejects. */
  async discard(): Promise<void> {
    await closeAll(this.#opened);
  }

  /** Those with a namespace whose clients can resume. */
  get recoverableLogs(): ReadonlySet<LivingLog> {
    const recoverable = [...this.#byName.values()].filter(({ options }) => keepsHistory(options));
    return new Set(recoverable.map(({ log }) => log));
  }

  /** Names of those of the log whose channels have history, in a fixed order. */
  withHistory(log: LivingLog): string[] {
    const kept = [...this.#byName.values()].filter((each) => each.log === log && keepsHistory(each.options));
    return kept.map(({ name }) => name).sort();
  }

  get logs(): ReadonlySet<LivingLog> {
    return new Set(
      [...this.#byName.values()].flatMap(({ log, lifecycle }) => [log, ...(lifecycle ? [lifecycle] : [])]),
    );
  }

  /** Names of those whose members are kept. */
  get withPresence(): string[] {
    const all = [...this.#byName.values()];
    return all.filter(({ options }) => options.presence || options.join_leave).map(({ name }) => name);
  }

  find(channel: string): Namespace | undefined {
    return this.#byName.get(namespaceName(channel));
  }
}

async function openAll(
  open: (spec: LogSpec) => Promise<LivingLog>,
  withoutNamespace: NamespaceConfig,
  namespaces: readonly (NamespaceConfig & { readonly name: string })[],
  lifecycle: boolean,
  previous: Namespaces | undefined,
): Promise<ReadonlyMap<string, Namespace>> {
  const known = new Map([...(previous?.logs ?? [])].map((log) => [log.topic, log] as const));
  const logs = new Map<string, LivingLog>();
  const lifecycles = new Map<LivingLog, LivingLog>();
  const byName = new Map<string, Namespace>();
  for (const { name, ...options } of [{ name: defaultNamespace, ...withoutNamespace }, ...namespaces]) {
    if (byName.has(name)) throw new BusError('invalid-topic', `the namespace ${name} is configured twice`);
    // One topic may be called by its full name here and a short one there.
    const topic = parseTopic(options.log).full;
    let log = logs.get(topic);
    if (log === undefined) {
      const keepMs = longestHistory(topic, [withoutNamespace, ...namespaces]);
      log = known.get(topic);
      await log?.keep(keepMs);
      log ??= await open({
        topic,
        keepMs,
        ...(options.lanes === undefined ? {} : { lanes: options.lanes }),
      });
      logs.set(topic, log);
    }
    if (options.lanes !== undefined && options.lanes > log.lanes) {
      throw new BusError(
        'lanes-mismatch',
        `namespace ${name} asks for ${options.lanes} lanes of ${log.topic}, which has ${log.lanes}`,
      );
    }
    let events = lifecycles.get(log);
    if (lifecycle && options.join_leave && events === undefined) {
      const eventTopic = lifecycleTopic(log.topic);
      events = known.get(eventTopic) ?? (await open({ topic: eventTopic, lanes: log.lanes }));
      lifecycles.set(log, events);
    }
    const pattern = options.channel_regex === undefined ? undefined : new RegExp(options.channel_regex, 'u');
    byName.set(name, { name, options, log, pattern, lifecycle: options.join_leave ? events : undefined });
  }
  const taken = new Set([...lifecycles.values()].map(({ topic }) => topic));
  for (const { name, log } of byName.values()) {
    if (!taken.has(log.topic)) continue;
    throw new BusError('invalid-topic', `the log of namespace ${name}, ${log.topic}, is where another's joins go`);
  }
  return byName;
}

/** What doesn't close is the bus's to close. */
async function closeAll(logs: readonly LivingLog[]): Promise<void> {
  await Promise.allSettled(logs.map((log) => log.close()));
}

/** Whether a channel of the namespace may have this name. */
export function mayBeCalled({ pattern }: Namespace, channel: string): boolean {
  return isChannelName(channel) && (pattern === undefined || pattern.test(nameInNamespace(channel)));
}

/** For how long something of the topic may be asked for: as long it must be there for a store that was emptied. */
function longestHistory(topic: string, all: readonly NamespaceConfig[]): number {
  const kept = all.filter((options) => keepsHistory(options) && parseTopic(options.log).full === topic);
  return Math.max(0, ...kept.map((options) => options.history_ttl));
}

/** Whether what is published can be had later. */
export function keepsHistory(options: NamespaceConfig): boolean {
  return options.history_size > 0 && options.history_ttl > 0;
}

/** Whether what is to be published is of the format that the namespace takes. */
export function holdsFormat({ options: { publication_data_format: format } }: Namespace, data: Uint8Array): boolean {
  if (format === 'binary') return true;
  if (data.length === 0) return false;
  if (format === '') return true;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  if (classifyPayload(bytes).kind !== 'json') return false;
  return format === 'json' || bytes.find((byte) => !jsonSpace.has(byte)) === openingBrace;
}

const jsonSpace = new Set(Buffer.from('\t\n\r '));
const openingBrace = 0x7b;

import { BusError, type Bus } from '@pharos/bus';

import { LivingLog } from './living-log.ts';
import type { NamespaceConfig } from './options.ts';

/** The longest channel name, in bytes of UTF-8. */
export const maxChannelBytes = 255;

/** A namespace with the log that its channels live in. */
export interface Namespace {
  readonly name: string;
  readonly options: NamespaceConfig;
  readonly log: LivingLog;
}

/** The namespace of channels without a colon. */
export const defaultNamespace = 'default';

/** Finds the namespace of a channel: what stands before the first colon, or `default` where there is none. */
export class Namespaces {
  readonly #byName: ReadonlyMap<string, Namespace>;

  private constructor(byName: ReadonlyMap<string, Namespace>) {
    this.#byName = byName;
  }

  /** Opens the log of every namespace, each topic once. @throws BusError */
  static async open(
    bus: Bus,
    withoutNamespace: NamespaceConfig,
    namespaces: readonly (NamespaceConfig & { readonly name: string })[],
  ): Promise<Namespaces> {
    const logs = new Map<string, LivingLog>();
    const byName = new Map<string, Namespace>();
    for (const { name, ...options } of [{ name: defaultNamespace, ...withoutNamespace }, ...namespaces]) {
      if (byName.has(name)) throw new BusError('invalid-topic', `the namespace ${name} is configured twice`);
      let log = logs.get(options.log);
      if (log === undefined) {
        log = await LivingLog.open(bus, {
          topic: options.log,
          ...(options.lanes === undefined ? {} : { lanes: options.lanes }),
        });
        logs.set(options.log, log);
      } else if (options.lanes !== undefined && options.lanes > log.lanes) {
        throw new BusError(
          'lanes-mismatch',
          `namespace ${name} asks for ${options.lanes} lanes of ${log.topic}, which has ${log.lanes}`,
        );
      }
      byName.set(name, { name, options, log });
    }
    return new Namespaces(byName);
  }

  /** Those with a namespace whose clients can resume. */
  get recoverableLogs(): ReadonlySet<LivingLog> {
    const recoverable = [...this.#byName.values()].filter(({ options }) => keepsHistory(options));
    return new Set(recoverable.map(({ log }) => log));
  }

  get logs(): ReadonlySet<LivingLog> {
    return new Set([...this.#byName.values()].map((namespace) => namespace.log));
  }

  find(channel: string): Namespace | undefined {
    const colon = channel.indexOf(':');
    return this.#byName.get(colon < 0 ? defaultNamespace : channel.slice(0, colon));
  }
}

/** Whether what is published can be had later. */
export function keepsHistory(options: NamespaceConfig): boolean {
  return options.history_size > 0 && options.history_ttl > 0;
}

/** Whether the text can be a channel's name: 1 to 255 bytes of well-formed UTF-8. */
export function isChannelName(text: string): boolean {
  // A UTF-16 unit takes at most three bytes, so short names need no count.
  if (text.length === 0 || text.length > maxChannelBytes) return false;
  if (!text.isWellFormed()) return false;
  return text.length * 3 <= maxChannelBytes || Buffer.byteLength(text) <= maxChannelBytes;
}

import type { Command } from '@pharos/client-protocol';

import { TokenBucket } from '../token-bucket.ts';
import type { SessionLimits } from './context.ts';

/** Kinds of commands whose rate can be limited: all but `connect`, of which a connection has one, and answers to pings. */
export const limitedCommands = [
  'publish',
  'subscribe',
  'unsubscribe',
  'history',
  'presence',
  'presence_stats',
  'rpc',
  'send',
  'refresh',
  'sub_refresh',
  'ping',
] as const;

export type LimitedCommand = (typeof limitedCommands)[number];

/** Commands of each kind in a second. */
export type CommandLimits = Readonly<Partial<Record<LimitedCommand, number | undefined>>>;

/** How often one connection may send commands: all together, and each kind. */
export class CommandRates {
  readonly #all: TokenBucket | undefined;
  readonly #limits: CommandLimits;
  /** Of those that were sent. */
  readonly #kinds = new Map<string, TokenBucket>();

  private constructor({ commandsPerSecond, commandLimits }: SessionLimits) {
    this.#all = commandsPerSecond === undefined ? undefined : new TokenBucket(commandsPerSecond);
    this.#limits = commandLimits;
  }

  /** None where nothing is limited: a connection costs nothing then. */
  static of(limits: SessionLimits): CommandRates | undefined {
    const isLimited =
      limits.commandsPerSecond !== undefined || limitedCommands.some((kind) => limits.commandLimits[kind]);
    return isLimited ? new CommandRates(limits) : undefined;
  }

  /** Counts a command; false where it is one too many. */
  take(method: Command['method']): boolean {
    const perSecond = Object.hasOwn(this.#limits, method) ? this.#limits[method as LimitedCommand] : undefined;
    if (perSecond !== undefined) {
      let kind = this.#kinds.get(method);
      if (kind === undefined) {
        kind = new TokenBucket(perSecond);
        this.#kinds.set(method, kind);
      }
      // What its kind refuses takes nothing from the others.
      if (!kind.take()) return false;
    }
    return this.#all?.take() ?? true;
  }
}

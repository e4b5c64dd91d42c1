import { isatty } from 'node:tty';

import { changedSettings, ConfigError, isUnder } from '@pharos/config';
import { describeError } from '@pharos/errors';
import type { Service } from '@pharos/lifecycle';
import { type Logger, setLogLevel } from '@pharos/telemetry';

import type { ServiceConfig } from './config.ts';
import type { ProcessMetrics } from './process-metrics.ts';

/** New settings of a part that are known to be good, and not in force yet. */
export interface Prepared {
  /** Takes them up, in one turn. Can't fail. */
  take(): void;
  /** Gives up what was made for them, where another part can't take its own. Never rejects. */
  discard?(): Promise<void>;
}

/** A part of a process that takes up settings while it runs. */
export interface Reloadable<C> {
  /** What it takes up: paths of settings, or of sections of them. */
  readonly reloads: readonly string[];
  /** Prepares all that could fail, and changes nothing yet. @throws what is wrong with the new settings */
  prepareReload(next: C): Promise<Prepared>;
}

/** A service that does so. */
export type ReloadableService<C> = Service & Reloadable<C>;

export interface ConfigReloaderOptions<C> {
  readonly current: C;
  /** Reads the configuration anew. @throws ConfigError */
  readonly read: () => C;
  readonly parts: readonly Reloadable<C>[];
  readonly logger: Logger;
  readonly metrics: ProcessMetrics;
}

/**
 * Takes up a changed configuration at SIGHUP: as a whole or not at all, and without ending a connection. What only a restart can
 * change is named.
 */
export class ConfigReloader<C> {
  readonly #options: ConfigReloaderOptions<C>;
  readonly #reloads: readonly string[];
  /** What the settings that need a restart are compared with. */
  readonly #started: C;
  #current: C;
  #isRunning = false;
  #isWanted = false;
  #isUnderWay = false;
  readonly #startedInTerminal: boolean = isatty(1);
  readonly #onSignal = (): void => this.#signalled();

  constructor(options: ConfigReloaderOptions<C>) {
    this.#options = options;
    this.#reloads = options.parts.flatMap((part) => part.reloads);
    this.#started = options.current;
    this.#current = options.current;
  }

  /** From now on a SIGHUP ends nothing; what is asked for before `run` is done then. */
  listen(): void {
    process.on('SIGHUP', this.#onSignal);
  }

  /** The parts have started. */
  run(): void {
    this.#isRunning = true;
    if (this.#isWanted) void this.#work();
  }

  stop(): void {
    this.#isRunning = false;
    process.off('SIGHUP', this.#onSignal);
  }

  #signalled(): void {
    // A terminal that was closed says it with the same signal, to whoever runs in its foreground.
    if (this.#startedInTerminal && !isatty(1)) {
      process.kill(process.pid, 'SIGTERM');
      return;
    }
    this.#isWanted = true;
    if (this.#isRunning) void this.#work();
  }

  /** One at a time: what is asked for meanwhile is one more. Never rejects. */
  async #work(): Promise<void> {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    while (this.#isWanted && this.#isRunning) {
      this.#isWanted = false;
      await this.reload();
    }
    this.#isUnderWay = false;
  }

  /** Never rejects. */
  async reload(): Promise<void> {
    const { logger, metrics, read, parts } = this.#options;
    try {
      const next = read();
      const all = await prepared(parts, next);
      if (!this.#isRunning) return await discarded(all);
      for (const one of all) one.take();
      const changed = changedSettings(this.#current, next).filter((path) => isUnder(path, this.#reloads));
      this.#current = next;
      metrics.configReloads.inc({ outcome: changed.length === 0 ? 'unchanged' : 'applied' });
      metrics.configRefused.set(0);
      if (changed.length === 0) logger.info('configuration read again: nothing that can be reloaded has changed');
      else logger.info({ changed }, `configuration reloaded: ${changed.join(', ')}`);
      this.#nameTheRest(next);
    } catch (error) {
      metrics.configReloads.inc({ outcome: 'refused' });
      metrics.configRefused.set(1);
      const problems = problemsOf(error);
      logger.error(
        { problems },
        `the new configuration is refused as a whole, the old one goes on: ${problems.join('; ')}`,
      );
    }
  }

  #nameTheRest(next: C): void {
    const restart = changedSettings(this.#started, next).filter((path) => !isUnder(path, this.#reloads));
    if (restart.length === 0) return;
    this.#options.logger.warn({ restart }, `only a restart changes these: ${restart.join(', ')}`);
  }
}

/** All of them or none. @throws AggregateError with what is wrong in each */
async function prepared<C>(parts: readonly Reloadable<C>[], next: C): Promise<Prepared[]> {
  const outcomes = await Promise.allSettled(parts.map((part) => part.prepareReload(next)));
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  const all = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  if (errors.length === 0) return all;
  await discarded(all);
  throw new AggregateError(errors);
}

async function discarded(all: readonly Prepared[]): Promise<void> {
  for (const one of all) await one.discard?.();
}

function problemsOf(error: unknown): string[] {
  if (error instanceof ConfigError) return error.problems;
  return error instanceof AggregateError ? error.errors.flatMap(problemsOf) : [describeError(error)];
}

/** How much is logged. */
export function logLevelPart(logger: Logger): Reloadable<ServiceConfig> {
  return {
    reloads: ['log_level'],
    prepareReload: ({ log_level: level }) => Promise.resolve({ take: () => setLogLevel(logger, level) }),
  };
}

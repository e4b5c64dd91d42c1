import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import { TurnScheduler, type TurnSource } from '../src/turns.ts';

/** A source with a number of entries of one size, that notes what happens in a log it shares. */
class Source implements TurnSource {
  readonly #name: string;
  readonly #entryBytes: number;
  readonly #log: string[];
  left: number;

  constructor(name: string, entries: number, entryBytes: number, log: string[]) {
    this.#name = name;
    this.left = entries;
    this.#entryBytes = entryBytes;
    this.#log = log;
  }

  hasWork(): boolean {
    return this.left > 0;
  }

  deliver(maxBytes: number): number {
    let bytes = 0;
    while (this.left > 0 && bytes < maxBytes) {
      this.left--;
      bytes += this.#entryBytes;
      this.#log.push(this.#name);
    }
    return bytes;
  }

  turnEnd(): void {
    this.#log.push(`${this.#name} end`);
  }
}

/** Runs until no source has work, with a mark in the log for every other thing that the event loop did between. */
async function drain(sources: readonly Source[], log: string[]): Promise<void> {
  const done = new Deferred();
  const other = (): void => {
    log.push('other');
    if (sources.some((source) => source.hasWork())) setImmediate(other);
    else done.resolve();
  };
  setImmediate(other);
  await done.promise;
}

describe('turns', () => {
  test('a turn ends at its budget and lets everything else run before the next', async () => {
    const log: string[] = [];
    const source = new Source('a', 10, 100, log);
    const turns = new TurnScheduler(300);
    turns.ready(source);
    assert.deepEqual(log, [], 'nothing is delivered inside ready');
    await drain([source], log);
    const turnsSeen = log
      .join(' ')
      .split('other')
      .map((turn) => turn.trim())
      .filter((turn) => turn !== '');
    assert.deepEqual(turnsSeen, ['a a a a end', 'a a a a end', 'a a a a end', 'a a end']);
  });

  test('a busy source doesn’t hold up a quiet one', async () => {
    const log: string[] = [];
    const busy = new Source('busy', 1000, 16_384, log);
    const quiet = new Source('quiet', 1, 10, log);
    const turns = new TurnScheduler(262_144);
    turns.ready(busy);
    turns.ready(quiet);
    await drain([busy, quiet], log);
    assert.ok(log.indexOf('quiet') <= 2, `quiet came after ${log.indexOf('quiet')} entries of busy`);
    assert.equal(log.filter((entry) => entry === 'busy').length, 1000);
  });

  test('a source that throws doesn’t still the others', async (context) => {
    const log: string[] = [];
    const fine = new Source('fine', 3, 10, log);
    const broken: TurnSource = {
      hasWork: () => true,
      deliver: () => {
        throw new Error('broken handler');
      },
      turnEnd: () => undefined,
    };
    const thrown: string[] = [];
    const note = (error: Error): number => thrown.push(error.message);
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', note);
    context.after(() => {
      process.off('uncaughtException', note);
      for (const listener of listeners) process.on('uncaughtException', listener);
    });
    const turns = new TurnScheduler(1000);
    turns.ready(broken);
    turns.ready(fine);
    await drain([fine], log);
    assert.deepEqual(thrown, ['broken handler']);
    assert.deepEqual(
      log.filter((entry) => entry.startsWith('fine')),
      ['fine', 'fine', 'fine', 'fine end'],
    );
  });
});

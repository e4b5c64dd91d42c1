import { strict as assert } from 'node:assert';

import { Deferred, withDeadline } from '@pharos/lifecycle';

import { Attacker } from '../attacker.ts';
import { type Attack, Counter, inParallel, type Target } from '../attack.ts';
import { Witness } from '../witness.ts';

const attemptsPerRound = 100_000;
const connections = 8;
/** Of one frame; 512 may be in it. */
const batch = 400;
const batchTimeoutMs = 60_000;

/** Subscribes that are refused, or useless: what they are, by their number, and the codes that may answer them (0: none). */
interface Kind {
  readonly channel: (number: number) => string;
  readonly codes: ReadonlySet<number>;
  readonly more?: string;
  /** Left again at once. */
  readonly leaves?: boolean;
  /** Afterwards the connection may have no more. */
  readonly fills?: boolean;
}

const kinds: readonly Kind[] = [
  { channel: (number) => `$private-${number}`, codes: new Set([103]) },
  { channel: () => Witness.closed, codes: new Set([103]) },
  { channel: (number) => `nowhere:${number}`, codes: new Set([102]) },
  { channel: () => '', codes: new Set([107]) },
  { channel: () => 'x'.repeat(256), codes: new Set([107]) },
  { channel: (number) => `filtered-${number}`, codes: new Set([108]), more: ',"tf":{"key":"k","cmp":"eq","val":"v"}' },
  { channel: (number) => `come-and-go-${number}`, codes: new Set([0]), leaves: true },
  // As many as a connection may have are let in, and let go with it.
  { channel: (number) => `many-${number}`, codes: new Set([0, 106]), fills: true },
];

/** Hundreds of thousands of attempts to subscribe, in as few frames as there can be: each is answered, and nothing of them stays. */
export const subscribes: Attack = {
  name: 'subscribes',
  run: async (target, rounds) => {
    const counter = new Counter();
    const attempts = attemptsPerRound * rounds;
    const each = attempts / connections;
    const batches = Math.ceil(each / batch);
    await inParallel(connections, connections, async (connection) => {
      let attacker = await Subscriber.open(target, counter);
      for (let index = 0; index < batches; index++) {
        const kind = kinds[(index + connection) % kinds.length] as Kind;
        const from = connection * each + index * batch;
        await attacker.attempt(kind, from, Math.min(batch, each - index * batch));
        if (kind.fills !== true) continue;
        await attacker.leave();
        attacker = await Subscriber.open(target, counter);
      }
      await attacker.leave();
    });
    const { edge } = target;
    assert.equal(counter.get('attempts'), attempts);
    counter.add('subscriptions that are left', await edge.metric('pharos_edge_subscriptions'));
    // The witness's own.
    assert.equal(counter.get('subscriptions that are left'), 2);
    return counter.counts;
  },
};

interface Reply {
  readonly id?: number;
  readonly error?: { readonly code: number };
  readonly subscribe?: object;
}

class Subscriber {
  readonly #counter: Counter;
  #attacker: Attacker | undefined;
  #codes: ReadonlySet<number> = new Set();
  #waiting = 0;
  #answered = new Deferred<void>();

  private constructor(counter: Counter) {
    this.#counter = counter;
  }

  static async open({ edge }: Target, counter: Counter): Promise<Subscriber> {
    const subscriber = new Subscriber(counter);
    const onMessage = (message: Buffer): void => subscriber.#read(message);
    subscriber.#attacker = await Attacker.open({ port: edge.port, onMessage });
    subscriber.#expect(1, new Set([0]));
    subscriber.#attacker.sendText('{"id":1,"connect":{}}');
    await withDeadline(subscriber.#answered.promise, batchTimeoutMs, 'the answer to connect');
    return subscriber;
  }

  /** Resolves when all are answered. */
  async attempt({ channel, codes, more = '', leaves = false }: Kind, from: number, count: number): Promise<void> {
    const lines: string[] = [];
    for (let number = from; number < from + count; number++) {
      const name = JSON.stringify(channel(number));
      lines.push(`{"id":${number + 2},"subscribe":{"channel":${name}${more}}}`);
      if (leaves) lines.push(`{"id":${number + 2},"unsubscribe":{"channel":${name}}}`);
    }
    this.#expect(lines.length, codes);
    this.#counter.add('attempts', count);
    // A frame holds 64 KiB.
    for (let at = 0; at < lines.length; at += batch / 2) {
      this.#attacker?.sendText(lines.slice(at, at + batch / 2).join('\n'));
    }
    await withDeadline(this.#answered.promise, batchTimeoutMs, `answers to ${lines.length} commands`);
  }

  async leave(): Promise<void> {
    this.#attacker?.sayGoodBye();
    await this.#attacker?.ended();
  }

  #expect(answers: number, codes: ReadonlySet<number>): void {
    this.#waiting = answers;
    this.#codes = codes;
    this.#answered = new Deferred();
  }

  #read(message: Buffer): void {
    for (const line of message.toString('utf8').split('\n')) {
      if (line === '{}') {
        this.#attacker?.sendText('{}');
        continue;
      }
      const { id, error } = JSON.parse(line) as Reply;
      // Pushes have none.
      if (id === undefined) continue;
      const code = error?.code ?? 0;
      if (!this.#codes.has(code)) this.#answered.reject(new Error(`answered with ${line}`));
      this.#counter.add(code === 0 ? 'answered: done' : `answered: error ${code}`);
      if (--this.#waiting === 0) this.#answered.resolve();
    }
  }
}

import { randomUUID } from 'node:crypto';

import {
  type ControlLogs,
  decodeNode,
  encodeMessage,
  Follower,
  type NodeMessage,
  type Question,
} from '@pharos/control';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

/** An edge that has said nothing for so long is gone. */
const goneMs = 35_000;
/** Questions that wait for answers at the same time. */
const maxQuestions = 256;

export interface Answers {
  /** What each edge answered, JSON. */
  readonly bodies: readonly string[];
  /** Somebody didn't answer in time, or not with everything. */
  readonly partial: boolean;
}

interface Asking {
  readonly waitsFor: Set<string>;
  readonly bodies: Map<string, string>;
  partial: boolean;
  readonly done: Deferred;
}

/** Asks all edges, and knows which there are: each says so now and again. */
export class NodeSurvey {
  readonly #logs: ControlLogs;
  readonly #follower: Follower;
  readonly #timeoutMs: number;
  /** When each was last heard of, on the clock of `performance.now()`. */
  readonly #nodes = new Map<string, number>();
  readonly #asking = new Map<string, Asking>();

  constructor(logs: ControlLogs, timeoutMs: number, logger: Logger) {
    this.#logs = logs;
    this.#timeoutMs = timeoutMs;
    this.#follower = new Follower({
      log: logs.nodes,
      start: { at: 'recent', maxAgeMs: goneMs },
      logger,
      message: (data, timeMs) => this.#heard(data, timeMs),
      onLost: () => undefined,
    });
  }

  run(): Promise<void> {
    return this.#follower.run();
  }

  stop(): Promise<void> {
    return this.#follower.stop();
  }

  /** @returns undefined where too many ask already. @throws BusError */
  async ask(question: Omit<Question, 'do' | 'id'>): Promise<Answers | undefined> {
    if (this.#asking.size >= maxQuestions) return undefined;
    const id = randomUUID();
    const now = performance.now();
    for (const [node, heardMs] of this.#nodes) if (now - heardMs > goneMs) this.#nodes.delete(node);
    const asking: Asking = {
      waitsFor: new Set(this.#nodes.keys()),
      bodies: new Map(),
      partial: false,
      done: new Deferred(),
    };
    this.#asking.set(id, asking);
    try {
      const data = encodeMessage({ do: 'ask', id, ...question });
      await this.#logs.commands.append({ channel: 'ask', data }, this.#timeoutMs);
      // Where none is known yet, whoever is there has the whole time.
      const isWhole = await withDeadline(asking.done.promise, this.#timeoutMs, 'asking the edges').then(
        () => true,
        () => false,
      );
      return { bodies: [...asking.bodies.values()], partial: asking.partial || !isWhole };
    } finally {
      this.#asking.delete(id);
    }
  }

  #heard(data: Buffer, timeMs: number): void {
    const message = decodeNode(data);
    if (message === undefined) return;
    const { node } = message;
    if (message.say === 'gone') {
      this.#nodes.delete(node);
      for (const asking of this.#asking.values()) this.#settle(asking, node);
      return;
    }
    const ageMs = Math.max(0, Date.now() - timeMs);
    if (ageMs < goneMs) this.#nodes.set(node, performance.now() - ageMs);
    if (message.say === 'answer') this.#answered(message);
  }

  #answered({ node, id, partial, body }: Extract<NodeMessage, { say: 'answer' }>): void {
    const asking = this.#asking.get(id);
    if (asking === undefined) return;
    asking.bodies.set(node, body);
    asking.partial ||= partial;
    this.#settle(asking, node);
  }

  #settle(asking: Asking, node: string): void {
    if (asking.waitsFor.delete(node) && asking.waitsFor.size === 0) asking.done.resolve();
  }
}

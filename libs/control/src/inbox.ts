import type { LivingLog } from '@pharos/channels';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

import { Follower } from './follower.ts';
import { decodeInbox, encodeInbox, type InboxMessage } from './message.ts';

export interface InboxOptions {
  readonly log: LivingLog;
  /** Whose inbox it is: its boot. */
  readonly node: string;
  readonly logger: Logger;
  /** Commands for one of this node's sessions; false where there is no such session. */
  readonly commands: (session: string, data: Buffer) => boolean;
  /** Messages were gone before they could be read. Who put them in has been told that nobody took them. */
  readonly onLost: () => void;
  /** The word that commands were taken could not be given: who put them in takes the outcome for unknown. */
  readonly onUntold: (error: unknown) => void;
}

/** What a word that commands were taken may wait for the log; later nobody waits for it. */
const wordMs = 3_000;

/**
 * What other nodes have for this one alone, and what it has for them. All of a node's lie in one lane, in order, so that commands of a session
 * that were put in one after the other are taken so.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #follower: Follower;
  readonly #asked = new Map<number, Deferred<boolean>>();
  #lastId = 0;

  constructor(options: InboxOptions) {
    this.#options = options;
    const { log, node, logger, onLost } = options;
    this.#follower = new Follower({
      log,
      lane: log.laneOf(node),
      channel: node,
      start: { at: 'head' },
      logger,
      message: (data) => this.#take(data),
      onLost,
    });
  }

  /** Resolves once nothing can be missed any more, or it is stopped. */
  run(): Promise<void> {
    return this.#follower.run();
  }

  async stop(): Promise<void> {
    await this.#follower.stop();
    for (const asked of this.#asked.values()) asked.resolve(false);
  }

  /**
   * Hands commands to a session of another node. Resolves when that node has taken them, to whether it has such a session.
   *
   * @param deadlineMs for all of it
   * @throws BusError; DeadlineExceeded where the node says nothing: it may have taken them
   */
  async hand(node: string, session: string, data: Buffer, deadlineMs: number): Promise<boolean> {
    const id = ++this.#lastId;
    const asked = new Deferred<boolean>();
    this.#asked.set(id, asked);
    try {
      const put = this.#put(node, { put: 'commands', id, from: this.#options.node, session, data }, deadlineMs);
      const known = put.then(() => asked.promise);
      return await withDeadline(known, deadlineMs, `the word of ${node}`);
    } finally {
      this.#asked.delete(id);
    }
  }

  async #put(node: string, message: InboxMessage, deadlineMs: number): Promise<void> {
    await this.#options.log.append({ channel: node, data: encodeInbox(message) }, deadlineMs);
  }

  #take(data: Buffer): void {
    const message = decodeInbox(data);
    if (message === undefined) return;
    if (message.put === 'taken') return this.#asked.get(message.id)?.resolve(message.known);
    const { id, from, session } = message;
    const known = this.#options.commands(session, message.data);
    this.#put(from, { put: 'taken', id, known }, wordMs).catch(this.#options.onUntold);
  }
}

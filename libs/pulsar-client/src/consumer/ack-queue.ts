import { Deferred } from '@pharos/lifecycle';
import type { Connection } from '../connection/connection.ts';
import { brokerError, PulsarError } from '../errors.ts';
import { ackType, type CommandAck, compareMessageIds, type MessageIdData } from '../wire/index.ts';

/** Acknowledgements that may wait for a connection, or for the broker's word. */
const maxWaiting = 100_000;
/** Ids in one command: a frame must stay far below its limit. */
export const maxIdsPerCommand = 1000;

export interface AckSettings {
  /** How long acknowledgements wait for others; 0: for the rest of the turn of the event loop. */
  readonly groupingTimeMs: number;
  /** How many go without waiting longer. */
  readonly groupingMaxSize: number;
  /** Whether the broker is asked to confirm each. */
  readonly receipts: boolean;
}

export const plainAcks: AckSettings = { groupingTimeMs: 0, groupingMaxSize: maxIdsPerCommand, receipts: false };

/** Where acknowledgements go at the moment. */
export interface AckTarget {
  readonly connection: Pick<Connection, 'send' | 'request'>;
  readonly consumerId: number;
}

/** Which messages of an entry are not acknowledged, when it is asked; `undefined` where that is known no more, or all are. */
type AckSet = () => readonly bigint[] | undefined;

interface Part {
  readonly id: MessageIdData;
  readonly ackSet: AckSet;
}

/** What goes together, and is settled together. */
class Group {
  readonly individual: MessageIdData[] = [];
  /** Entries of which single messages are acknowledged. */
  readonly parts = new Map<string, Part>();
  cumulative: MessageIdData | undefined;
  readonly done = new Deferred<null>();

  constructor() {
    // It may fail when nobody waits for it.
    this.done.promise.catch(() => undefined);
  }

  get size(): number {
    return this.individual.length + this.parts.size + (this.cumulative === undefined ? 0 : 1);
  }

  upTo(id: MessageIdData): void {
    if (this.cumulative === undefined || compareUpTo(this.cumulative, id) < 0) this.cumulative = id;
  }

  /** Takes over what another has, and settles it with its own. */
  absorb(other: Group): void {
    this.individual.push(...other.individual);
    for (const [key, part] of other.parts) this.parts.set(key, part);
    if (other.cumulative !== undefined) this.upTo(other.cumulative);
    this.done.promise.then(other.done.resolve, other.done.reject);
  }

  commands(): Omit<CommandAck, 'consumerId'>[] {
    const ids = [...this.individual];
    for (const { id, ackSet } of this.parts.values()) {
      const words = ackSet();
      if (words !== undefined) ids.push({ ...id, ackSet: words });
    }
    const commands: Omit<CommandAck, 'consumerId'>[] = [];
    if (this.cumulative !== undefined)
      commands.push({ ackType: ackType.cumulative, messageId: [withoutIndex(this.cumulative)] });
    for (let start = 0; start < ids.length; start += maxIdsPerCommand) {
      commands.push({ ackType: ackType.individual, messageId: ids.slice(start, start + maxIdsPerCommand) });
    }
    return commands;
  }
}

/**
 * Acknowledgements on their way. Those that come close together go in one command; those that find no connection, or lose
 * it before the broker confirmed them where that is asked for, go with the next one.
 */
export class AckQueue {
  readonly #settings: AckSettings;
  readonly #what: string;
  readonly #target: () => AckTarget | undefined;
  #waiting = new Group();
  /** What was written and the broker has yet to confirm, with the end of the asking. */
  readonly #unconfirmed = new Map<Group, Promise<void>>();
  #timer: NodeJS.Timeout | NodeJS.Immediate | undefined;
  /** Why nothing is taken any more. */
  #failed: PulsarError | undefined;

  /** @param what for messages: whose acknowledgements these are */
  constructor(settings: AckSettings, what: string, target: () => AckTarget | undefined) {
    this.#settings = settings;
    this.#what = what;
    this.#target = target;
  }

  /** A whole entry. Resolves as `Consumer.acknowledge` says. @throws PulsarError */
  individual(id: MessageIdData): Promise<null> {
    return this.#add((group) => group.individual.push(id));
  }

  /** Some messages of an entry. */
  part(id: MessageIdData, ackSet: AckSet): Promise<null> {
    return this.#add((group) => group.parts.set(`${id.ledgerId}:${id.entryId}`, { id, ackSet }));
  }

  /** All before an entry and with it; with an ack set and a batch index those of its messages up to there. */
  cumulative(id: MessageIdData): Promise<null> {
    return this.#add((group) => group.upTo(id));
  }

  /** Writes what waits, as far as there is a connection. */
  flush(): void {
    clearTimeout(this.#timer as NodeJS.Timeout);
    clearImmediate(this.#timer as NodeJS.Immediate);
    this.#timer = undefined;
    const target = this.#target();
    if (target === undefined || this.#waiting.size === 0) return;
    const group = this.#waiting;
    this.#waiting = new Group();
    if (this.#settings.receipts) this.#unconfirmed.set(group, this.#confirm(group, target));
    else {
      const { connection, consumerId } = target;
      for (const command of group.commands()) connection.send({ type: 'ack', command: { ...command, consumerId } });
      group.done.resolve(null);
    }
  }

  /** Whether the broker has yet to confirm something. */
  get asking(): boolean {
    return this.#unconfirmed.size > 0;
  }

  /** Resolves when all that was written is confirmed, or lost its connection. */
  async asked(): Promise<void> {
    await Promise.all(this.#unconfirmed.values());
  }

  /** The topic lives on another cluster, whose broker would take what waits for ids of its own; the one before needed none of it. */
  settle(): void {
    for (const group of [this.#waiting, ...this.#unconfirmed.keys()]) group.done.resolve(null);
    this.#waiting = new Group();
    this.#unconfirmed.clear();
  }

  /** Gives up what waits, and takes no more. */
  fail(reason: PulsarError): void {
    this.#failed ??= reason;
    for (const group of [this.#waiting, ...this.#unconfirmed.keys()]) group.done.reject(reason);
    this.#waiting = new Group();
    this.#unconfirmed.clear();
  }

  #add(put: (group: Group) => unknown): Promise<null> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    let waiting = this.#waiting.size;
    for (const { size } of this.#unconfirmed.keys()) waiting += size;
    if (waiting >= maxWaiting) {
      const text = `${this.#what}: ${maxWaiting} acknowledgements wait for a connection already`;
      return Promise.reject(new PulsarError('NotConnected', text));
    }
    const group = this.#waiting;
    put(group);
    const { groupingTimeMs, groupingMaxSize, receipts } = this.#settings;
    if (group.size >= groupingMaxSize) this.flush();
    else this.#timer ??= this.#later(groupingTimeMs);
    return groupingTimeMs > 0 && !receipts ? Promise.resolve(null) : group.done.promise;
  }

  #later(delayMs: number): NodeJS.Timeout | NodeJS.Immediate {
    const flush = (): void => this.flush();
    return delayMs === 0 ? setImmediate(flush) : setTimeout(flush, delayMs);
  }

  async #confirm(group: Group, target: AckTarget): Promise<void> {
    let errors: (PulsarError | undefined)[];
    try {
      errors = await Promise.all(group.commands().map((command) => this.#ask(command, target)));
    } catch {
      this.#again(group);
      return;
    }
    this.#unconfirmed.delete(group);
    const error = errors.find((one) => one !== undefined);
    if (error === undefined) group.done.resolve(null);
    else group.done.reject(error);
  }

  /** Resolves with the broker's answer; rejects where there is none. */
  async #ask(
    command: Omit<CommandAck, 'consumerId'>,
    { connection, consumerId }: AckTarget,
  ): Promise<PulsarError | undefined> {
    const what = `acknowledging: ${this.#what}`;
    const { error, message } = await connection.request('ackResponse', what, (requestId) => ({
      type: 'ack',
      command: { ...command, consumerId, requestId },
    }));
    return error === undefined ? undefined : brokerError(error, message, what);
  }

  /** Acknowledging twice does no harm. */
  #again(group: Group): void {
    // Given up meanwhile.
    if (!this.#unconfirmed.delete(group)) return;
    this.#waiting.absorb(group);
    this.#timer ??= this.#later(this.#settings.groupingTimeMs);
  }
}

/** An entry without a batch index is meant as a whole, which is further than any of its messages. */
function compareUpTo(one: MessageIdData, other: MessageIdData): number {
  const order = compareMessageIds({ ...one, batchIndex: -1 }, { ...other, batchIndex: -1 });
  return order === 0 ? indexOf(one) - indexOf(other) : order;
}

function indexOf({ batchIndex = -1 }: MessageIdData): number {
  return batchIndex < 0 ? Number.MAX_SAFE_INTEGER : batchIndex;
}

/** The ack set says it all to the broker. */
function withoutIndex({ ledgerId, entryId, ackSet }: MessageIdData): MessageIdData {
  return ackSet === undefined ? { ledgerId, entryId } : { ledgerId, entryId, ackSet };
}

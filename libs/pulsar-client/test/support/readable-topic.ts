import { ByteWriter } from '@pharos/bytes';
import { encodeFrame, type KnownCommand } from '../../src/wire/index.ts';
import type { Heard, ScriptedBroker } from './scripted-broker.ts';

const ledgerId = 7n;

/** The entries that a scripted broker stores, for whoever subscribes; entry n is the n-th, from 0. */
export class ReadableTopic {
  readonly #broker: ScriptedBroker;
  readonly #entries: Buffer[] = [];
  /** The first that is kept. */
  #first = 0;

  constructor(broker: ScriptedBroker) {
    this.#broker = broker;
    broker.on('subscribe', ({ command: { requestId }, peer }) => peer.say({ type: 'success', command: { requestId } }));
    broker.on('closeConsumer', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'success', command: { requestId } }),
    );
    broker.on('getLastMessageId', this.sayLast);
    broker.on('flow', this.send);
  }

  readonly sayLast = ({ command: { requestId }, peer }: Heard<'getLastMessageId'>): void => {
    const entryId = BigInt(this.#entries.length - 1);
    const lastMessageId = { ledgerId: entryId < 0n ? -1n : ledgerId, entryId };
    peer.say({ type: 'getLastMessageIdResponse', command: { requestId, lastMessageId } });
  };

  /** All before the entry `end` at once, whatever was asked for. */
  readonly send = ({ command: { consumerId }, peer }: Heard<'flow'>, end = this.#entries.length): void => {
    const subscribe = this.#broker.heard('subscribe').findLast(({ command }) => command.consumerId === consumerId);
    const start = subscribe?.command.startMessageId;
    const inclusive = start?.batchIndex !== undefined;
    const first = start?.ledgerId === ledgerId ? Number(start.entryId) + (inclusive ? 0 : 1) : 0;
    for (let number = Math.max(first, this.#first); number < end; number++) {
      const messageId = { ledgerId, entryId: BigInt(number) };
      peer.write(withEntry({ type: 'message', command: { consumerId, messageId } }, this.#entries[number] as Buffer));
    }
  };

  /** Keeps an entry; where it lies. */
  store({ entry = Buffer.alloc(0) }: Heard<'send'>): { readonly ledgerId: bigint; readonly entryId: bigint } {
    this.#entries.push(Buffer.from(entry));
    return { ledgerId, entryId: BigInt(this.#entries.length - 1) };
  }

  /** Deletes what it holds, as a topic does that keeps nothing for anybody. */
  trim(): void {
    this.#first = this.#entries.length;
  }
}

function withEntry(command: KnownCommand, entry: Buffer): Buffer {
  const writer = new ByteWriter();
  encodeFrame(writer, command);
  const frame = Buffer.concat([writer.copy(), entry]);
  frame.writeUInt32BE(frame.length - 4, 0);
  return frame;
}

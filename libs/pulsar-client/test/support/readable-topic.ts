import { ByteWriter } from '@pharos/bytes';
import { encodeFrame, type KnownCommand } from '../../src/wire/index.ts';
import type { Heard, ScriptedBroker } from './scripted-broker.ts';

const ledgerId = 7n;

/** The entries that a scripted broker stores, for whoever subscribes; entry n is the n-th, from 0. */
export class ReadableTopic {
  readonly #broker: ScriptedBroker;
  readonly #entries: Buffer[] = [];

  constructor(broker: ScriptedBroker) {
    this.#broker = broker;
    broker.on('subscribe', ({ command: { requestId }, peer }) => peer.say({ type: 'success', command: { requestId } }));
    broker.on('closeConsumer', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'success', command: { requestId } }),
    );
    broker.on('getLastMessageId', ({ command: { requestId }, peer }) => {
      const entryId = BigInt(this.#entries.length - 1);
      const lastMessageId = { ledgerId: entryId < 0n ? -1n : ledgerId, entryId };
      peer.say({ type: 'getLastMessageIdResponse', command: { requestId, lastMessageId } });
    });
    broker.on('flow', (heard) => this.#send(heard));
  }

  /** Keeps an entry; where it lies. */
  store({ entry = Buffer.alloc(0) }: Heard<'send'>): { readonly ledgerId: bigint; readonly entryId: bigint } {
    this.#entries.push(Buffer.from(entry));
    return { ledgerId, entryId: BigInt(this.#entries.length - 1) };
  }

  /** All at once, whatever was asked for. */
  #send({ command: { consumerId }, peer }: Heard<'flow'>): void {
    const subscribe = this.#broker.heard('subscribe').findLast(({ command }) => command.consumerId === consumerId);
    const after = subscribe?.command.startMessageId;
    const first = after?.ledgerId === ledgerId ? Number(after.entryId) + 1 : 0;
    for (let number = first; number < this.#entries.length; number++) {
      const messageId = { ledgerId, entryId: BigInt(number) };
      peer.write(withEntry({ type: 'message', command: { consumerId, messageId } }, this.#entries[number] as Buffer));
    }
  }
}

function withEntry(command: KnownCommand, entry: Buffer): Buffer {
  const writer = new ByteWriter();
  encodeFrame(writer, command);
  const frame = Buffer.concat([writer.copy(), entry]);
  frame.writeUInt32BE(frame.length - 4, 0);
  return frame;
}

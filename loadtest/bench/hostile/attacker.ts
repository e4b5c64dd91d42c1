import { BareWebSocket, type BareWebSocketOptions, opcodes } from '@pharos/testkit';

/** What it keeps of text that came, for those who look for words in it. */
const maxTail = 256;

export type AttackerOptions = Pick<BareWebSocketOptions, 'port' | 'headers' | 'onMessage'> & {
  /** @default /connection/websocket */
  readonly path?: string;
};

/** A WebSocket client that keeps to no rule but the handshake, and looks at all that it is sent for a word that is not for it. */
export class Attacker extends BareWebSocket {
  /** A word of channels that no attacker may read; how often one saw it. */
  static forbidden = '';
  static leaks = 0;

  static readonly #all = new Set<Attacker>();

  /** Messages that came. */
  messages = 0;
  #tail = '';

  private constructor({ path = '/connection/websocket', onMessage, ...options }: AttackerOptions) {
    super({
      ...options,
      path,
      polite: false,
      onBytes: (bytes) => this.#lookFor(bytes),
      onMessage: (message, opcode) => {
        this.messages++;
        onMessage?.(message, opcode);
      },
    });
    Attacker.#all.add(this);
    this.tcp.on('close', () => Attacker.#all.delete(this));
  }

  /** Ends those whose attack has failed on the way. */
  static endAll(): void {
    for (const attacker of Attacker.#all) attacker.destroy();
  }

  /** Resolves when the handshake is done. @throws Error with the status where it is refused */
  static async open(options: AttackerOptions): Promise<Attacker> {
    const attacker = new Attacker(options);
    await attacker.opened();
    return attacker;
  }

  /** Says good-bye by the protocol, behind all that was sent. */
  sayGoodBye(): void {
    this.sendFrame(opcodes.close, Buffer.from([0x03, 0xe8]));
  }

  /** The word may lie across two reads. */
  #lookFor(bytes: Buffer): void {
    if (Attacker.forbidden === '') return;
    const text = this.#tail + bytes.toString('latin1');
    if (text.includes(Attacker.forbidden)) Attacker.leaks++;
    this.#tail = text.slice(-Math.min(maxTail, Attacker.forbidden.length - 1));
  }
}

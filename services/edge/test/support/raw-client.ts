import type { TestContext } from 'node:test';
import { BareWebSocket, opcodes } from '@pharos/testkit';

/** A WebSocket client on a bare TCP socket, which can stop reading: then the kernel's buffers fill, and the server's. */
export class RawClient extends BareWebSocket {
  static async open(
    t: TestContext,
    port: number,
    path: string,
    onText: (text: string) => void,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawClient> {
    const onMessage = (message: Buffer, opcode: number): void => {
      if (opcode === opcodes.text) onText(message.toString());
    };
    const client = new RawClient({ port, path, headers, onMessage });
    t.after(() => client.destroy());
    await client.opened();
    return client;
  }

  stopReading(): void {
    this.tcp.pause();
  }

  readOn(): void {
    this.tcp.resume();
  }

  ping(): void {
    this.sendFrame(opcodes.ping, Buffer.alloc(0));
  }
}

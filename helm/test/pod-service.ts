import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Pod } from './kubelet.ts';

/** A Service: connections go to its ready pods in turn. */
export class PodService {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(pods: () => readonly Pod[]): Promise<PodService> {
    let turn = 0;
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const ready = pods().filter((pod) => pod.isReady);
      const pod = ready[turn++ % Math.max(1, ready.length)];
      if (pod === undefined) {
        client.destroy();
        return;
      }
      const upstream = connect(pod.port, '127.0.0.1');
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PodService(server, sockets);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

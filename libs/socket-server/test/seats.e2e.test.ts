// The testkit's connections without a socket: what the port says of connections and messages holds for them, too. What is below
// (requests, frames, compression, TLS, slow readers) they don't have.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import { SeatingServer } from '@pharos/testkit';
import { type WebSocket, WebSocketServer } from 'ws';
import { createSocketServer, type SocketServer, type SocketServerOptions } from '../src/index.ts';
import { connectionConformance } from './conformance/conformance.ts';
import { connect, RecordingHandler, start } from './conformance/harness.ts';

/** In the place of the server for sockets: a WebSocket that comes is led to a seat, so that the suite's clients sit there. */
class Door implements SocketServer {
  readonly implementation = 'ws';
  readonly certificate = undefined;
  seating: SeatingServer | undefined;
  #front: WebSocketServer | undefined;

  async listen(host: string, port: number): Promise<number> {
    const front = new WebSocketServer({ host, port });
    this.#front = front;
    front.on('connection', (client, request) => this.#lead(client, request.url ?? '/'));
    await once(front, 'listening');
    const address = front.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  #lead(client: WebSocket, path: string): void {
    const seat = this.seating?.seat(
      { path },
      {
        opened: () => undefined,
        message: (message, isBinary) => client.send(message, { binary: isBinary }),
        closed: (code, reason) => (code === 1006 ? client.terminate() : client.close(code, reason)),
      },
    );
    client.on('message', (message: Buffer, isBinary) => seat?.send(message, isBinary));
    client.on('close', (code, reason) => (code === 1006 ? seat?.drop() : seat?.close(code, reason.toString())));
  }

  // What is declared and published goes to seats.
  webSocket(): void {}
  http(): void {}
  publish(): void {}
  pauseAccepting(): void {}
  subscribers = (): number => 0;
  reloadCertificate = (): Promise<boolean> => Promise.resolve(false);
  flushed = (): Promise<void> => Promise.resolve();

  async stop(): Promise<void> {
    const front = this.#front;
    if (front === undefined) return;
    this.#front = undefined;
    for (const client of front.clients) client.terminate();
    front.close();
    await once(front, 'close');
  }
}

async function make(options?: SocketServerOptions): Promise<SocketServer> {
  const door = new Door();
  door.seating = await SeatingServer.over(door, options);
  return door.seating;
}

describe('seats', () => {
  connectionConformance(make);

  test('who sits and who comes by a socket are in the same topics of one server', async (t) => {
    const handler = new RecordingHandler();
    let seating: SeatingServer | undefined;
    const { server, url } = await start(
      t,
      async () => {
        const sockets = await createSocketServer({ implementation: 'uws', onWarning: assert.fail });
        seating = await SeatingServer.over(sockets);
        return seating;
      },
      (created) => created.webSocket({ path: '/', handler, maxPayloadBytes: 100 }),
    );
    const client = await connect(t, `${url}/`);
    const heard: string[] = [];
    const told = new Deferred<number>();
    seating?.seat(
      { path: '/' },
      {
        opened: () => heard.push('opened'),
        message: (message) => heard.push(message.toString()),
        closed: (code) => told.resolve(code),
      },
    );
    for (const socket of await handler.opened.take(2)) socket.subscribe('all');
    assert.deepEqual([server.subscribers('all'), seating?.seats], [2, 1]);
    server.publish('all', 'to both', false);
    assert.equal(await client.messages.next(), 'to both');
    await server.flushed();
    assert.deepEqual(heard, ['opened', 'to both']);
    await server.stop();
    assert.equal(await told.promise, 1006);
    assert.deepEqual(
      (await handler.closed.take(2)).map(({ code }) => code),
      [1006, 1006],
    );
    assert.equal(seating?.seats, 0);
  });

  test('who is refused learns why', async (t) => {
    const handler = new RecordingHandler();
    handler.upgrade = () => ({ refuse: { status: 503, body: 'no room\n' } });
    const nobody = { opened: assert.fail, message: assert.fail, closed: assert.fail };
    const door = new Door();
    const seating = await SeatingServer.over(door);
    seating.webSocket({ path: '/', handler, maxPayloadBytes: 100 });
    t.after(() => seating.stop());
    assert.throws(() => seating.seat({ path: '/' }, nobody), /takes no connections/);
    await seating.listen('127.0.0.1', 0);
    assert.throws(() => seating.seat({ path: '/' }, nobody), /answered with 503: no room$/);
    assert.throws(() => seating.seat({ path: '/other' }, nobody), /no WebSocket route \/other/);
    seating.pauseAccepting();
    assert.throws(() => seating.seat({ path: '/' }, nobody), /takes no connections/);
  });
});

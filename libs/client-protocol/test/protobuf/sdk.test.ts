import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  type Command,
  disconnectCodes,
  errorCodes,
  type Publication,
  ProtobufPublicationFrameBuilder,
  protobufCodec,
  protobufPublicationPrefix,
  type Reply,
} from '@pharos/client-protocol';
import { Centrifuge, type PublicationContext } from 'centrifuge/build/protobuf';

const position = { offset: 4, epoch: 'e.1' };
const binary = Buffer.from([0, 0xff, 0x0a, 0x80]);
const publisher = { user: 'ann', client: 'u1', connInfo: binary };
const missed: Publication = { data: binary, offset: 4, timeMs: 9, info: publisher, tags: new Map([['k', 'v']]) };

/** What a server would answer; commands without an answer give nothing. */
function answer(command: Command): Reply | undefined {
  if (command.method === 'pong' || command.method === 'send') return undefined;
  const { id } = command;
  switch (command.method) {
    case 'connect':
      return { method: 'connect', id, result: { client: 'me', data: binary, pingSeconds: 25, pong: true } };
    case 'subscribe':
      if (command.request.channel === 'secret') return { method: 'error', id, error: errorCodes.permissionDenied };
      return {
        method: 'subscribe',
        id,
        result: {
          ...position,
          recoverable: true,
          positioned: true,
          publications: [missed],
          recovered: true,
          wasRecovering: true,
        },
      };
    case 'history':
      return { method: 'history', id, result: { ...position, publications: [missed] } };
    case 'presence':
      return { method: 'presence', id, result: { presence: new Map([['u1', publisher]]) } };
    case 'presence_stats':
      return { method: 'presence_stats', id, result: { numClients: 0, numUsers: 3 } };
    case 'rpc':
      return { method: 'rpc', id, result: { data: command.request.data } };
    default:
      return { method: command.method, id, result: {} };
  }
}

/** In place of the browser's WebSocket: a server on this codec, without a network. */
class LoopSocket {
  static last: LoopSocket | undefined;
  readonly received: Command[] = [];
  onopen: (() => void) | undefined;
  onmessage: ((event: { readonly data: ArrayBuffer }) => void) | undefined;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | undefined;
  onerror: (() => void) | undefined;

  constructor() {
    LoopSocket.last = this;
    queueMicrotask(() => this.onopen?.());
  }

  send(frame: Uint8Array): void {
    for (const command of protobufCodec.decodeCommands(Buffer.from(frame))) {
      this.received.push(command);
      const reply = answer(command);
      if (reply !== undefined) this.deliver(protobufCodec.encodeReply(reply));
    }
  }

  deliver(frame: Buffer): void {
    const data = new Uint8Array(frame).buffer;
    queueMicrotask(() => this.onmessage?.({ data }));
  }

  close(): void {
    this.onclose?.({ code: 1000, reason: '' });
  }
}

async function connected(t: TestContext): Promise<{ client: Centrifuge; socket: LoopSocket }> {
  const client = new Centrifuge('ws://unused', { websocket: LoopSocket, token: 't', data: binary });
  t.after(() => client.disconnect());
  const ready = new Promise<{ data?: unknown }>((resolve) => client.once('connected', resolve));
  client.connect();
  assert.deepEqual(Buffer.from((await ready).data as Uint8Array), binary);
  return { client, socket: LoopSocket.last as LoopSocket };
}

describe("the official JavaScript SDK's Protobuf build understands this codec, and this codec the SDK", () => {
  test('commands and replies', { timeout: 5_000 }, async (t) => {
    const { client, socket } = await connected(t);
    await client.publish('c', binary);
    assert.deepEqual(Buffer.from((await client.rpc('echo', binary)).data as Uint8Array), binary);
    await client.send(binary);
    const history = await client.history('c', { limit: -1, since: position, reverse: true });
    assert.deepEqual([history.offset, history.epoch], [4, 'e.1']);
    assertMissed(history.publications[0] as PublicationContext);
    const presence = await client.presence('c');
    assert.deepEqual(presence.clients['u1']?.user, 'ann');
    assert.deepEqual(await client.presenceStats('c'), { numClients: 0, numUsers: 3 });

    const requests = new Map(
      socket.received.map((command) => [command.method, command.method === 'pong' ? undefined : command.request]),
    );
    assert.deepEqual(requests.get('connect'), {
      token: 't',
      data: binary,
      subs: new Map(),
      name: 'js',
      version: '',
      headers: new Map(),
      flag: 0,
    });
    assert.deepEqual(requests.get('publish'), { channel: 'c', data: binary });
    assert.deepEqual(requests.get('rpc'), { method: 'echo', data: binary });
    assert.deepEqual(requests.get('history'), { channel: 'c', limit: -1, since: position, reverse: true });
  });

  test('subscriptions, recovery and publications packed in one frame', { timeout: 5_000 }, async (t) => {
    const { client, socket } = await connected(t);
    const sub = client.newSubscription('c');
    const got: PublicationContext[] = [];
    const done = new Promise<void>((resolve) => {
      sub.on('publication', (context) => {
        if (got.push(context) === 3) resolve();
      });
    });
    sub.subscribe();
    await sub.ready();

    const prefix = protobufPublicationPrefix({ channel: 'c' });
    const frames = new ProtobufPublicationFrameBuilder();
    frames.append(prefix, Buffer.alloc(0), 5, 1);
    frames.append(prefix, binary, 6, 9, publisher, missed.tags);
    socket.deliver(frames.view());
    await done;
    assert.deepEqual(
      got.map(({ offset }) => offset),
      [4, 5, 6],
    );
    const [first, second, third] = got as [PublicationContext, PublicationContext, PublicationContext];
    assertMissed(first);
    assert.equal((second.data as Uint8Array).length, 0);
    assertMissed(third);

    const refused = client.newSubscription('secret');
    const left = new Promise<{ code: number; reason: string }>((resolve) => refused.once('unsubscribed', resolve));
    refused.subscribe();
    const { code, reason } = await left;
    assert.deepEqual([code, reason], [103, 'permission denied']);
  });

  test('ping and pong, messages, joins, the end of a subscription and of the connection', {
    timeout: 5_000,
  }, async (t) => {
    const { client, socket } = await connected(t);
    const message = new Promise<{ data: unknown }>((resolve) => client.once('message', resolve));
    socket.deliver(protobufCodec.serverPing);
    socket.deliver(protobufCodec.encodePush({ kind: 'message', data: binary }));
    assert.deepEqual(Buffer.from((await message).data as Uint8Array), binary);
    assert.equal(socket.received.at(-1)?.method, 'pong');

    const sub = client.newSubscription('c', { joinLeave: true });
    const joined = new Promise<{ info: { user: string } }>((resolve) => sub.once('join', resolve));
    const left = new Promise<{ code: number }>((resolve) => sub.once('unsubscribed', resolve));
    sub.subscribe();
    await sub.ready();
    socket.deliver(protobufCodec.encodePush({ kind: 'join', channel: 'c', info: publisher }));
    assert.equal((await joined).info.user, 'ann');
    socket.deliver(
      protobufCodec.encodePush({
        kind: 'unsubscribe',
        channel: 'c',
        unsubscribe: { code: 2000, reason: 'server unsubscribe' },
      }),
    );
    assert.equal((await left).code, 2000);

    const gone = new Promise<{ code: number; reason: string }>((resolve) => client.once('disconnected', resolve));
    const { code, reason } = disconnectCodes.forceDisconnect;
    socket.deliver(protobufCodec.encodePush({ kind: 'disconnect', disconnect: { code, reason } }));
    const { code: goneCode, reason: goneReason } = await gone;
    assert.deepEqual([goneCode, goneReason], [3503, 'force disconnect']);
  });
});

function assertMissed({ data, info, tags }: PublicationContext): void {
  assert.deepEqual(Buffer.from(data as Uint8Array), binary);
  assert.deepEqual([info?.user, info?.client], ['ann', 'u1']);
  assert.deepEqual({ ...tags }, { k: 'v' });
}

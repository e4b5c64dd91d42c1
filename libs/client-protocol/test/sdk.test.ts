import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  type Command,
  classifyPayload,
  decodeCommands,
  disconnectCodes,
  encodeClientInfo,
  encodePush,
  encodeReply,
  encodeTags,
  errorCodes,
  PublicationFrameBuilder,
  publicationPrefix,
  type Reply,
  rawJson,
  serverPing,
} from '@pharos/client-protocol';
import { Centrifuge, type PublicationContext } from 'centrifuge';

const position = { offset: 4, epoch: 'e.1' };
const publisher = { user: 'ann', client: 'u1', connInfo: rawJson({ n: 1 }) };

/** What a server would answer; commands without an answer give nothing. */
function answer(command: Command): Reply | undefined {
  if (command.method === 'pong') return undefined;
  const { id } = command;
  switch (command.method) {
    case 'connect':
      return {
        method: 'connect',
        id,
        result: { client: 'me', data: rawJson({ hello: command.request.token }), pingSeconds: 25, pong: true },
      };
    case 'subscribe':
      if (command.request.channel === 'secret') return { method: 'error', id, error: errorCodes.permissionDenied };
      return {
        method: 'subscribe',
        id,
        result: {
          ...position,
          recoverable: true,
          positioned: true,
          publications: [{ data: rawJson('missed'), offset: 4, timeMs: 9 }],
          recovered: true,
          wasRecovering: true,
        },
      };
    case 'history':
      return {
        method: 'history',
        id,
        result: { ...position, publications: [{ data: rawJson(command.request.limit), offset: 4, info: publisher }] },
      };
    case 'presence':
      return { method: 'presence', id, result: { presence: new Map([['u1', publisher]]) } };
    case 'presence_stats':
      return { method: 'presence_stats', id, result: { numClients: 0, numUsers: 0 } };
    case 'rpc':
      return { method: 'rpc', id, result: { data: command.request.data } };
    case 'refresh':
    case 'sub_refresh':
    case 'unsubscribe':
    case 'publish':
    case 'ping':
      return { method: command.method, id, result: {} };
    default:
      return undefined;
  }
}

/** In place of the browser's WebSocket: a server on this codec, without a network. */
class LoopSocket {
  static last: LoopSocket | undefined;
  readonly received: Command[] = [];
  onopen: (() => void) | undefined;
  onmessage: ((event: { readonly data: string }) => void) | undefined;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | undefined;
  onerror: (() => void) | undefined;

  constructor() {
    LoopSocket.last = this;
    queueMicrotask(() => this.onopen?.());
  }

  send(frame: string): void {
    for (const command of decodeCommands(frame)) {
      this.received.push(command);
      const reply = answer(command);
      if (reply !== undefined) this.deliver(encodeReply(reply));
    }
  }

  deliver(frame: Buffer): void {
    const data = frame.toString('utf8');
    queueMicrotask(() => this.onmessage?.({ data }));
  }

  close(): void {
    this.onclose?.({ code: 1000, reason: '' });
  }
}

async function connected(t: TestContext): Promise<{ client: Centrifuge; socket: LoopSocket }> {
  const client = new Centrifuge('ws://unused', { websocket: LoopSocket, token: 't', name: 'test' });
  t.after(() => client.disconnect());
  const ready = new Promise<unknown>((resolve) => client.once('connected', resolve));
  client.connect();
  const context = await ready;
  assert.deepEqual(context, { client: 'me', transport: 'websocket', data: { hello: 't' } });
  return { client, socket: LoopSocket.last as LoopSocket };
}

describe('the official JavaScript SDK understands this codec, and this codec the SDK', () => {
  test('commands and replies', { timeout: 5_000 }, async (t) => {
    const { client, socket } = await connected(t);
    const data = { text: 'hé\n', list: [1, { a: null }] };
    await client.publish('c', data);
    assert.deepEqual((await client.rpc('echo', data)).data, data);
    await client.send(data);
    const history = await client.history('c', { limit: 2, since: position, reverse: true });
    assert.deepEqual(
      [history.offset, history.epoch, history.publications[0]?.data, history.publications[0]?.info?.user],
      [4, 'e.1', 2, 'ann'],
    );
    const presence = await client.presence('c');
    assert.deepEqual([presence.clients['u1']?.user, presence.clients['u1']?.connInfo], ['ann', { n: 1 }]);
    assert.deepEqual(await client.presenceStats('c'), { numClients: 0, numUsers: 0 });

    const commands = new Map(socket.received.map((command) => [command.method, command]));
    assert.deepEqual(
      [...commands.keys()],
      ['connect', 'publish', 'rpc', 'send', 'history', 'presence', 'presence_stats'],
    );
    assert.deepEqual((commands.get('publish') as { request: unknown }).request, { channel: 'c', data: rawJson(data) });
    assert.deepEqual((commands.get('history') as { request: unknown }).request, {
      channel: 'c',
      limit: 2,
      since: position,
      reverse: true,
    });
  });

  test('subscriptions, recovery and publications packed in one frame', { timeout: 5_000 }, async (t) => {
    const { client, socket } = await connected(t);
    const sub = client.newSubscription('c');
    const got: PublicationContext[] = [];
    const done = new Promise<void>((resolve) => {
      sub.on('publication', (context) => {
        if (got.push(context) === 4) resolve();
      });
    });
    const ready = new Promise<{ recovered: boolean; wasRecovering: boolean }>((resolve) =>
      sub.once('subscribed', resolve),
    );
    sub.subscribe();
    const context = await ready;
    assert.deepEqual([context.recovered, context.wasRecovering], [true, true]);

    const prefix = publicationPrefix({ channel: 'c' });
    const frames = new PublicationFrameBuilder();
    frames.append(prefix, classifyPayload(Buffer.from('x}}\n{"push":{}}')).json, 5, 1);
    frames.append(prefix, classifyPayload(Buffer.from('{"a":\n1}')).json, 6, 1, encodeClientInfo(publisher));
    frames.append(
      prefix,
      classifyPayload(Buffer.from([0xff])).json,
      7,
      1,
      undefined,
      encodeTags(new Map([['k', 'v']])),
    );
    socket.deliver(frames.view());
    await done;
    assert.deepEqual(
      got.map((each): unknown => [each.data, each.offset]),
      [
        ['missed', 4],
        ['x}}\n{"push":{}}', 5],
        [{ a: 1 }, 6],
        ['/w==', 7],
      ],
    );
    assert.deepEqual(got[2]?.info, { client: 'u1', user: 'ann', connInfo: { n: 1 } });
    assert.deepEqual(got[3]?.tags, { k: 'v' });

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
    socket.deliver(serverPing);
    socket.deliver(encodePush({ kind: 'message', data: rawJson([1]) }));
    assert.deepEqual(await message, { data: [1] });
    assert.equal(socket.received.at(-1)?.method, 'pong');

    const sub = client.newSubscription('c', { joinLeave: true });
    const joined = new Promise<{ info: unknown }>((resolve) => sub.once('join', resolve));
    const left = new Promise<{ code: number }>((resolve) => sub.once('unsubscribed', resolve));
    sub.subscribe();
    await new Promise<void>((resolve) => sub.once('subscribed', () => resolve()));
    socket.deliver(encodePush({ kind: 'join', channel: 'c', info: publisher }));
    assert.deepEqual((await joined).info, { client: 'u1', user: 'ann', connInfo: { n: 1 } });
    socket.deliver(
      encodePush({ kind: 'unsubscribe', channel: 'c', unsubscribe: { code: 2000, reason: 'server unsubscribe' } }),
    );
    assert.equal((await left).code, 2000);

    const gone = new Promise<{ code: number; reason: string }>((resolve) => client.once('disconnected', resolve));
    const { code, reason } = disconnectCodes.forceDisconnect;
    socket.deliver(encodePush({ kind: 'disconnect', disconnect: { code, reason } }));
    assert.deepEqual(await gone, { code: 3503, reason: 'force disconnect' });
  });
});

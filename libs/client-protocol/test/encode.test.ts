import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import {
  appendPush,
  appendReply,
  type ClientInfo,
  encodePush,
  encodeReply,
  type Push,
  rawJson,
  type Reply,
  serverPing,
} from '@pharos/client-protocol';

const info = { user: 'ann', client: 'u1', connInfo: rawJson({ n: 1 }), chanInfo: rawJson([2]) };
const publication = {
  data: rawJson({ a: 1 }),
  info,
  offset: 7,
  tags: new Map([['k"', 'v\n']]),
  delta: true,
  timeMs: 99,
  channel: 'other',
};
const infoText = '{"user":"ann","client":"u1","conn_info":{"n":1},"chan_info":[2]}';
const publicationText = `{"data":{"a":1},"info":${infoText},"offset":7,"tags":{"k\\"":"v\\n"},"delta":true,"time":99,"channel":"other"}`;

function assertReply(reply: Reply, text: string): void {
  assert.equal(encodeReply(reply).toString('utf8'), text);
  JSON.parse(text);
}

function assertPush(push: Push, text: string): void {
  assert.equal(encodePush(push).toString('utf8'), text);
  JSON.parse(text);
}

describe('replies', () => {
  test('error', () => {
    assertReply(
      { method: 'error', id: 1, error: { code: 100, message: 'internal server error', temporary: true } },
      '{"id":1,"error":{"code":100,"message":"internal server error","temporary":true}}',
    );
    assertReply(
      { method: 'error', id: 4294967295, error: { code: 103, message: 'a"b', temporary: false } },
      '{"id":4294967295,"error":{"code":103,"message":"a\\"b"}}',
    );
  });

  test('connect', () => {
    assertReply({ method: 'connect', id: 1, result: { client: 'c' } }, '{"id":1,"connect":{"client":"c"}}');
    assertReply(
      {
        method: 'connect',
        id: 1,
        result: {
          client: 'c',
          version: '1',
          expires: true,
          ttlSeconds: 60,
          data: rawJson(null),
          subs: new Map([
            ['a"', { offset: 3, epoch: 'e', recoverable: true }],
            ['__proto__', {}],
          ]),
          pingSeconds: 25,
          pong: true,
          session: 's',
          node: 'n',
          timeMs: 5,
        },
      },
      '{"id":1,"connect":{"client":"c","version":"1","expires":true,"ttl":60,"data":null,"subs":{"a\\"":{"recoverable":true,"epoch":"e","offset":3},' +
        '"__proto__":{}},"ping":25,"pong":true,"session":"s","node":"n","time":5}}',
    );
  });

  test('subscribe', () => {
    assertReply(
      { method: 'subscribe', id: 2, result: { offset: 0, epoch: '', publications: [], recovered: false } },
      '{"id":2,"subscribe":{}}',
    );
    assertReply(
      {
        method: 'subscribe',
        id: 2,
        result: {
          expires: true,
          ttlSeconds: 1,
          recoverable: true,
          epoch: 'e',
          publications: [publication, { data: rawJson('x') }],
          recovered: true,
          offset: Number.MAX_SAFE_INTEGER,
          positioned: true,
          data: rawJson({}),
          wasRecovering: true,
          delta: true,
          id: 9,
        },
      },
      `{"id":2,"subscribe":{"expires":true,"ttl":1,"recoverable":true,"epoch":"e","publications":[${publicationText},{"data":"x"}],"recovered":true,` +
        '"offset":9007199254740991,"positioned":true,"data":{},"was_recovering":true,"delta":true,"id":9}}',
    );
  });

  test('presence and history', () => {
    assertReply({ method: 'presence', id: 3, result: { presence: new Map() } }, '{"id":3,"presence":{"presence":{}}}');
    assertReply(
      {
        method: 'presence',
        id: 3,
        result: {
          presence: new Map<string, ClientInfo>([
            ['u1', info],
            ['u2', { user: '', client: 'u2' }],
          ]),
        },
      },
      `{"id":3,"presence":{"presence":{"u1":${infoText},"u2":{"user":"","client":"u2"}}}}`,
    );
    assertReply(
      { method: 'presence_stats', id: 4, result: { numClients: 0, numUsers: 0 } },
      '{"id":4,"presence_stats":{"num_clients":0,"num_users":0}}',
    );
    assertReply(
      { method: 'history', id: 5, result: { publications: [publication], epoch: 'e', offset: 7 } },
      `{"id":5,"history":{"publications":[${publicationText}],"epoch":"e","offset":7}}`,
    );
  });

  test('the others', () => {
    assertReply({ method: 'unsubscribe', id: 6, result: {} }, '{"id":6,"unsubscribe":{}}');
    assertReply({ method: 'publish', id: 7, result: {} }, '{"id":7,"publish":{}}');
    assertReply({ method: 'ping', id: 8, result: {} }, '{"id":8,"ping":{}}');
    assertReply({ method: 'rpc', id: 9, result: { data: rawJson([1]) } }, '{"id":9,"rpc":{"data":[1]}}');
    assertReply({ method: 'rpc', id: 9, result: {} }, '{"id":9,"rpc":{}}');
    assertReply(
      { method: 'refresh', id: 10, result: { client: 'c', version: 'v', expires: true, ttlSeconds: 2 } },
      '{"id":10,"refresh":{"client":"c","version":"v","expires":true,"ttl":2}}',
    );
    assertReply(
      { method: 'sub_refresh', id: 11, result: { expires: true, ttlSeconds: 2 } },
      '{"id":11,"sub_refresh":{"expires":true,"ttl":2}}',
    );
    assert.equal(serverPing.toString(), '{}');
  });
});

describe('pushes', () => {
  test('about a channel, by its name or its number', () => {
    assertPush({ kind: 'pub', channel: 'c', publication }, `{"push":{"channel":"c","pub":${publicationText}}}`);
    assertPush(
      { kind: 'pub', channel: 'c', id: 4, publication: { data: rawJson(1) } },
      '{"push":{"id":4,"pub":{"data":1}}}',
    );
    assertPush(
      { kind: 'join', channel: '\u2028"\n', info },
      `{"push":{"channel":"\u2028\\"\\n","join":{"info":${infoText}}}}`,
    );
    assertPush({ kind: 'leave', channel: 'c', info }, `{"push":{"channel":"c","leave":{"info":${infoText}}}}`);
    assertPush(
      { kind: 'unsubscribe', channel: 'c', unsubscribe: { code: 2500, reason: 'insufficient state' } },
      '{"push":{"channel":"c","unsubscribe":{"code":2500,"reason":"insufficient state"}}}',
    );
    assertPush(
      {
        kind: 'subscribe',
        channel: 'c',
        subscribe: { recoverable: true, epoch: 'e', offset: 1, positioned: true, data: rawJson(2) },
      },
      '{"push":{"channel":"c","subscribe":{"recoverable":true,"epoch":"e","offset":1,"positioned":true,"data":2}}}',
    );
  });

  test('about the connection', () => {
    assertPush({ kind: 'message', data: rawJson('m') }, '{"push":{"message":{"data":"m"}}}');
    assertPush(
      { kind: 'connect', connect: { client: 'c', version: '1' } },
      '{"push":{"connect":{"client":"c","version":"1"}}}',
    );
    assertPush(
      { kind: 'disconnect', disconnect: { code: 3001, reason: 'shutdown', reconnect: true } },
      '{"push":{"disconnect":{"code":3001,"reason":"shutdown","reconnect":true}}}',
    );
    assertPush(
      { kind: 'refresh', refresh: { expires: true, ttlSeconds: 3 } },
      '{"push":{"refresh":{"expires":true,"ttl":3}}}',
    );
  });
});

test('replies and pushes share a frame, one line each', () => {
  const frame = new ByteWriter(4);
  appendReply(frame, { method: 'publish', id: 1, result: {} });
  appendPush(frame, { kind: 'message', data: rawJson(1) });
  appendReply(frame, { method: 'ping', id: 2, result: {} });
  assert.equal(frame.view().toString(), '{"id":1,"publish":{}}\n{"push":{"message":{"data":1}}}\n{"id":2,"ping":{}}');
});

test('rawJson refuses what JSON has no form for', () => {
  assert.throws(() => rawJson(undefined), /^TypeError: undefined has no JSON form$/);
  assert.throws(() => rawJson(() => 1), TypeError);
});

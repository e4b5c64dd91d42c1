import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Command,
  decodeCommands,
  type DecodeOptions,
  ProtocolError,
  type ProtocolErrorCode,
} from '@pharos/client-protocol';

function decodeOne(frame: string | Buffer): Command {
  const commands = decodeCommands(frame);
  assert.equal(commands.length, 1);
  return commands[0] as Command;
}

function assertRefused(
  frame: string | Buffer,
  code: ProtocolErrorCode,
  message?: RegExp,
  options?: DecodeOptions,
): void {
  assert.throws(
    () => decodeCommands(frame, options),
    (error) => {
      assert.ok(error instanceof ProtocolError, String(error));
      assert.equal(error.code, code, error.message);
      assert.equal(error.disconnectCode, 3501);
      if (message !== undefined) assert.match(error.message, message);
      return true;
    },
  );
}

const raw = (text: string): Buffer => Buffer.from(text);

const emptySubscribe = {
  channel: '',
  token: '',
  recover: false,
  epoch: '',
  offset: 0,
  data: undefined,
  positioned: false,
  recoverable: false,
  joinLeave: false,
  delta: '',
  filter: undefined,
  flag: 0,
};

describe('each method', () => {
  test('connect', () => {
    const frame =
      '{"connect":{"token":"t","data":{"a":1},"subs":{"news":{"recover":true,"epoch":"e","offset":7,"data":[1.0]}},' +
      '"name":"js","version":"1","headers":{"x":"y"},"flag":1},"id":1}';
    assert.deepEqual(decodeOne(frame), {
      method: 'connect',
      id: 1,
      request: {
        token: 't',
        data: raw('{"a":1}'),
        subs: new Map([
          ['news', { ...emptySubscribe, channel: 'news', recover: true, epoch: 'e', offset: 7, data: raw('[1.0]') }],
        ]),
        name: 'js',
        version: '1',
        headers: new Map([['x', 'y']]),
        flag: 1,
      },
    });
    assert.deepEqual(decodeOne('{"id":1,"connect":{}}'), {
      method: 'connect',
      id: 1,
      request: { token: '', data: undefined, subs: new Map(), name: '', version: '', headers: new Map(), flag: 0 },
    });
  });

  test('subscribe', () => {
    const frame =
      '{"id":2,"subscribe":{"channel":"c","token":"t","recover":true,"epoch":"e","offset":"9007199254740991","data":null,"positioned":true,' +
      '"recoverable":true,"join_leave":true,"delta":"fossil","flag":3,"tf":{"op":"and","nodes":[{"key":"k","cmp":"in","vals":["a","b"]},{"op":"not"}]}}}';
    const leaf = { op: '', key: '', cmp: '', val: '', vals: [], nodes: [] };
    assert.deepEqual(decodeOne(frame), {
      method: 'subscribe',
      id: 2,
      request: {
        channel: 'c',
        token: 't',
        recover: true,
        epoch: 'e',
        offset: Number.MAX_SAFE_INTEGER,
        data: raw('null'),
        positioned: true,
        recoverable: true,
        joinLeave: true,
        delta: 'fossil',
        filter: {
          ...leaf,
          op: 'and',
          nodes: [
            { ...leaf, key: 'k', cmp: 'in', vals: ['a', 'b'] },
            { ...leaf, op: 'not' },
          ],
        },
        flag: 3,
      },
    });
    assert.deepEqual(decodeOne('{"id":2,"subscribe":{"channel":"c","token":null}}'), {
      method: 'subscribe',
      id: 2,
      request: { ...emptySubscribe, channel: 'c' },
    });
  });

  test('the others', () => {
    const expected: readonly (readonly [string, Command])[] = [
      ['{"id":3,"unsubscribe":{"channel":"c"}}', { method: 'unsubscribe', id: 3, request: { channel: 'c' } }],
      [
        '{"id":4,"publish":{"channel":"c","data":"x"}}',
        { method: 'publish', id: 4, request: { channel: 'c', data: raw('"x"') } },
      ],
      ['{"id":4,"publish":{}}', { method: 'publish', id: 4, request: { channel: '', data: raw('') } }],
      ['{"id":5,"presence":{"channel":"c"}}', { method: 'presence', id: 5, request: { channel: 'c' } }],
      ['{"id":6,"presence_stats":{"channel":"c"}}', { method: 'presence_stats', id: 6, request: { channel: 'c' } }],
      [
        '{"id":7,"history":{"channel":"c","limit":-1,"since":{"offset":5,"epoch":"e"},"reverse":true}}',
        {
          method: 'history',
          id: 7,
          request: { channel: 'c', limit: -1, since: { offset: 5, epoch: 'e' }, reverse: true },
        },
      ],
      [
        '{"id":7,"history":{"channel":"c"}}',
        { method: 'history', id: 7, request: { channel: 'c', limit: 0, since: undefined, reverse: false } },
      ],
      [
        '{"id":7,"history":{"limit":-0}}',
        { method: 'history', id: 7, request: { channel: '', limit: 0, since: undefined, reverse: false } },
      ],
      ['{"id":8,"ping":{}}', { method: 'ping', id: 8, request: {} }],
      ['{"send":{"data":1}}', { method: 'send', id: 0, request: { data: raw('1') } }],
      ['{"id":9,"send":{}}', { method: 'send', id: 9, request: { data: undefined } }],
      [
        '{"id":4294967295,"rpc":{"method":"m","data":[]}}',
        { method: 'rpc', id: 4294967295, request: { method: 'm', data: raw('[]') } },
      ],
      ['{"id":10,"refresh":{"token":"t"}}', { method: 'refresh', id: 10, request: { token: 't' } }],
      [
        '{"id":11,"sub_refresh":{"channel":"c","token":"t"}}',
        { method: 'sub_refresh', id: 11, request: { channel: 'c', token: 't' } },
      ],
      ['{}', { method: 'pong' }],
    ];
    for (const [frame, command] of expected) assert.deepEqual(decodeOne(frame), command);
  });
});

describe('raw members', () => {
  const data = (frame: string | Buffer): string => {
    const command = decodeOne(frame);
    assert.equal(command.method, 'publish');
    return command.request.data.toString('utf8');
  };

  test('come out as they were written', () => {
    const values = [
      '12345678901234567890',
      '1.0',
      '1e2',
      '{"b":1, "a":2,"a" :3}',
      '"\\u0041\\/é😀"',
      '{"__proto__":{"x":1}}',
      '[ ]',
      '-0',
    ];
    for (const value of values)
      assert.equal(data(`{"id":1,"publish":{"channel":"c","data": ${value} ,"more":[]}}`), value);
  });

  test('of several the last counts, as with JSON.parse', () => {
    assert.equal(data('{"id":1,"publish":{"data":1,"channel":"c","data":2}}'), '2');
    assert.equal(data('{"id":1,"publish":{"data":1,"d\\u0061ta":3}}'), '3');
    assert.equal(data('{"publish":{"data":1},"id":1,"publish":{"data":{"data":4}}}'), '{"data":4}');
    assert.equal(data('{"publish":{"data":1},"id":1,"publish":{"channel":"c"}}'), '');
    assert.equal(data('{"id":1,"publish":{"x":{"data":5},"y":"\\"data\\":6","data":7}}'), '7');
  });

  test('are not shared with the frame, which the socket reuses', () => {
    const frame = Buffer.from('{"id":1,"publish":{"channel":"c","data":"keep"}}');
    const command = decodeOne(frame) as Extract<Command, { method: 'publish' }>;
    frame.fill(0);
    assert.equal(command.request.data.toString(), '"keep"');
  });

  test('names from the prototype are harmless', () => {
    const frame =
      '{"id":1,"__proto__":{"id":2},"connect":{"headers":{"__proto__":"h"},"subs":{"__proto__":{"offset":1,"data":2},"constructor":{}}}}';
    const command = decodeOne(frame) as Extract<Command, { method: 'connect' }>;
    assert.deepEqual([...command.request.headers], [['__proto__', 'h']]);
    assert.deepEqual([...command.request.subs.keys()], ['__proto__', 'constructor']);
    assert.deepEqual(command.request.subs.get('__proto__')?.data, raw('2'));
    assert.equal(command.id, 1);
    assertRefused('{"id":1,"constructor":{}}', 'unknown-command');
    assertRefused('{"__proto__":{"id":1,"ping":{}}}', 'unknown-command');
  });
});

describe('frames', () => {
  test('hold several commands, blank lines aside', () => {
    const methods = decodeCommands('{"id":1,"connect":{}}\r\n\n{}\n  \n{"id":2,"ping":{}}\n').map(
      (command) => command.method,
    );
    assert.deepEqual(methods, ['connect', 'pong', 'ping']);
  });

  test('are refused as a whole', () => {
    assertRefused('', 'empty-frame');
    assertRefused(' \n\n', 'empty-frame');
    assertRefused(Buffer.from([0x7b, 0xff, 0x7d]), 'invalid-utf8');
    assertRefused('{"id":1,"ping":{}}\n{"id":', 'invalid-json');
    assertRefused('{"id":1,"publish":{"channel":"c",\n"data":1}}', 'invalid-json');
    for (const value of ['[]', '1', 'null', '"x"', '\ufeff{}']) assertRefused(value, 'invalid-json');
    assertRefused('{}\n{}\n{}', 'frame-too-long', /more than 2/, { maxCommands: 2 });
    assert.equal(decodeCommands('{}\n{}\n', { maxCommands: 2 }).length, 2);
    assert.equal(decodeCommands('{}\n'.repeat(512)).length, 512);
    assertRefused('{}\n'.repeat(513), 'frame-too-long', /more than 512/);
  });

  test('a refusal does not repeat what may be a secret', () => {
    assertRefused('{"id":1,"connect":{"token":"s3cret"', 'invalid-json', /^(?!.*s3cret)/);
    assertRefused(
      '{"id":1,"connect":{"token":["s3cret"]}}',
      'invalid-field',
      /^connect\.token: expected a string of valid Unicode, got a list$/,
    );
  });

  test('wrong commands', () => {
    assertRefused('{"id":1}', 'unknown-command', /connect, subscribe/);
    assertRefused('{"id":1,"dance":{}}', 'unknown-command');
    assertRefused('{"id":1,"ping":null}', 'unknown-command');
    assertRefused('{"id":1,"ping":{},"publish":{}}', 'several-commands', /both ping and publish/);
    assertRefused('{"ping":{}}', 'missing-id');
    assertRefused('{"id":0,"connect":{}}', 'missing-id');
    assert.deepEqual(decodeOne('{"id":1,"ping":{},"publish":null,"dance":{}}'), { method: 'ping', id: 1, request: {} });
  });

  test('wrong fields are named', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['{"id":"1","ping":{}}', /^id: expected an integer of 0 to 4294967295, got a string$/],
      ['{"id":1.5,"ping":{}}', /^id: .*got 1\.5$/],
      ['{"id":-1,"ping":{}}', /^id: /],
      ['{"id":4294967296,"ping":{}}', /^id: /],
      ['{"id":1,"ping":[]}', /^ping: expected an object, got a list$/],
      ['{"id":1,"publish":"x"}', /^publish: expected an object/],
      ['{"id":1,"publish":{"channel":1,"data":1}}', /^publish\.channel: .*got 1$/],
      ['{"id":1,"publish":{"channel":"\\ud800","data":1}}', /^publish\.channel: .*surrogate/],
      ['{"id":1,"subscribe":{"recover":1}}', /^subscribe\.recover: expected true or false, got 1$/],
      ['{"id":1,"subscribe":{"offset":9007199254740992}}', /^subscribe\.offset: /],
      ['{"id":1,"subscribe":{"offset":"9007199254740993"}}', /^subscribe\.offset: /],
      ['{"id":1,"subscribe":{"offset":"18446744073709551615"}}', /^subscribe\.offset: /],
      ['{"id":1,"subscribe":{"offset":"-1"}}', /^subscribe\.offset: /],
      ['{"id":1,"subscribe":{"offset":"0x10"}}', /^subscribe\.offset: /],
      ['{"id":1,"subscribe":{"offset":1e999}}', /^subscribe\.offset: .*Infinity$/],
      ['{"id":1,"subscribe":{"tf":{"nodes":[{},1]}}}', /^subscribe\.tf\.nodes\[1\]: expected an object, got 1$/],
      ['{"id":1,"subscribe":{"tf":{"nodes":[{"vals":[null]}]}}}', /^subscribe\.tf\.nodes\[0\]\.vals: .*got null$/],
      ['{"id":1,"connect":{"subs":{"a":1}}}', /^connect\.subs\["a"\]: expected an object, got 1$/],
      ['{"id":1,"connect":{"subs":{"a":{"epoch":1}}}}', /^connect\.subs\["a"\]\.epoch: /],
      ['{"id":1,"connect":{"headers":{"a":1}}}', /^connect\.headers\["a"\]: /],
      ['{"id":1,"connect":{"headers":[]}}', /^connect\.headers: expected an object, got a list$/],
      ['{"id":1,"history":{"limit":2147483648}}', /^history\.limit: /],
      ['{"id":1,"history":{"since":1}}', /^history\.since: expected an object, got 1$/],
    ];
    for (const [frame, message] of wrong) assertRefused(frame, 'invalid-field', message);
    assertRefused(`{"id":1,"connect":{"subs":{"${'x'.repeat(60_000)}":1}}}`, 'invalid-field', /^.{0,160}$/);
  });

  test('the nesting is bounded', () => {
    const publish = (depth: number): string =>
      `{"id":1,"publish":{"channel":"c","data":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
    assert.equal(decodeOne(publish(200)).method, 'publish');
    assertRefused(publish(201), 'too-deep');
    assertRefused(publish(100_000), 'too-deep');
    assertRefused(`{"id":1,"subscribe":{"tf":${'{"nodes":['.repeat(150)}${']}'.repeat(150)}}}`, 'too-deep');
  });
});

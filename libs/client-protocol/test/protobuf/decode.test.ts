import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeCommands,
  decodeConnectRequest,
  decodeEmulationRequest,
  decodeProtobufEmulationRequest,
  type DecodeOptions,
  ProtocolError,
  type ProtocolErrorCode,
  protobufCodec,
} from '@pharos/client-protocol';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { commands, jsonFrame, wireCommand } from './commands.ts';
import { frameByProtobufjs } from './protocol.ts';

const { varint, bytes: lengthDelimited } = { varint: 0, bytes: 2 };

function tag(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

/** A frame of one message that `write` makes. */
function frameOf(write: (writer: protobuf.Writer) => protobuf.Writer): Buffer {
  return Buffer.from(write(protobuf.Writer.create().fork()).ldelim().finish());
}

function assertRefused(frame: Buffer, code: ProtocolErrorCode, message: RegExp, options?: DecodeOptions): void {
  assert.throws(
    () => protobufCodec.decodeCommands(frame, options),
    (error) => {
      assert.ok(error instanceof ProtocolError, String(error));
      assert.equal(error.code, code, error.message);
      assert.equal(error.disconnectCode, 3501);
      assert.match(error.message, message);
      return true;
    },
  );
}

describe('what protobufjs writes is read, and is what the same command in JSON is', () => {
  for (const [method, command] of commands) {
    test(method, () => {
      fc.assert(
        fc.property(command, (fields) => {
          const decoded = protobufCodec.decodeCommands(frameByProtobufjs('Command', wireCommand(fields)));
          assert.deepEqual(decoded, decodeCommands(jsonFrame(fields)));
          assert.equal(decoded.length, 1);
          assert.equal(decoded[0]?.method, method);
        }),
        { numRuns: 300 },
      );
    });
  }

  test('several in one frame', () => {
    const either = fc.oneof(...commands.values());
    fc.assert(
      fc.property(fc.array(either, { minLength: 1, maxLength: 6 }), (values) => {
        assert.deepEqual(
          protobufCodec.decodeCommands(frameByProtobufjs('Command', ...values.map(wireCommand))),
          decodeCommands(Buffer.from(values.map(jsonFrame).join('\n'))),
        );
      }),
      { numRuns: 200 },
    );
  });
});

test('what clients post is read in either encoding, or refused', () => {
  const data = Buffer.from([0, 1, 255]);
  const { Writer } = protobuf;
  const posted = (writer: protobuf.Writer): Buffer => Buffer.from(writer.finish());
  const strings = (): protobuf.Writer => Writer.create().uint32(10).string('node').uint32(18).string('session');
  const request = { node: 'node', session: 'session', data };
  assert.deepEqual(decodeProtobufEmulationRequest(posted(strings().uint32(26).bytes(data))), request);
  assert.deepEqual(decodeProtobufEmulationRequest(posted(strings().uint32(800).uint32(7))), {
    ...request,
    data: Buffer.alloc(0),
  });
  const json = { ...request, data: '{"id":1,"ping":{}}\n{}' };
  assert.deepEqual(decodeEmulationRequest(Buffer.from(JSON.stringify(json))), {
    ...json,
    data: Buffer.from(json.data),
  });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      for (const decode of [decodeProtobufEmulationRequest, decodeEmulationRequest, decodeConnectRequest]) {
        try {
          decode(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }
    }),
  );
  for (const text of ['', ' \n', 'null', '{}']) assert.equal(decodeConnectRequest(Buffer.from(text)).token, '', text);
  for (const text of ['[]', '1', '{"token":1}', '{"subs":{"a":1}}', '{}{}', '\u00a0']) {
    assert.throws(() => decodeConnectRequest(Buffer.from(text)), ProtocolError, text);
  }
  const one = decodeConnectRequest(Buffer.from('{"token":"t","subs":{"a":{"recover":true,"offset":3,"epoch":"e"}}}'));
  assert.deepEqual([one.token, one.subs.get('a')?.offset, one.subs.get('a')?.channel], ['t', 3, 'a']);
});

describe('on the wire', () => {
  test('golden frames', () => {
    const publish = Buffer.from('0b' + '0807' + '3a07' + '0a0163' + '120200ff', 'hex');
    assert.deepEqual(protobufCodec.decodeCommands(publish), [
      { method: 'publish', id: 7, request: { channel: 'c', data: Buffer.from([0, 0xff]) } },
    ]);
    assert.deepEqual(protobufCodec.decodeCommands(Buffer.from('00', 'hex')), [{ method: 'pong' }]);
    assert.deepEqual(protobufCodec.decodeCommands(Buffer.from('00' + '04' + '0801' + '5a00' + '00', 'hex')), [
      { method: 'pong' },
      { method: 'ping', id: 1, request: {} },
      { method: 'pong' },
    ]);
  });

  test('the id may come last, and of a field that comes twice the last counts', () => {
    const frame = frameOf((writer) =>
      writer
        .uint32(tag(6, lengthDelimited))
        .fork()
        .uint32(tag(1, lengthDelimited))
        .string('a')
        .uint32(tag(1, lengthDelimited))
        .string('b')
        .ldelim()
        .uint32(tag(1, varint))
        .uint32(9),
    );
    assert.deepEqual(protobufCodec.decodeCommands(frame), [
      { method: 'unsubscribe', id: 9, request: { channel: 'b' } },
    ]);
  });

  test('fields that are not known are passed over, in commands and in requests', () => {
    const unknown = (writer: protobuf.Writer): protobuf.Writer =>
      writer
        .uint32(tag(900, varint))
        .uint64('18446744073709551615')
        .uint32(tag(901, 1))
        .fixed64(1)
        .uint32(tag(902, lengthDelimited))
        .string('x'.repeat(200))
        .uint32(tag(536_870_911, 5))
        .fixed32(1);
    const request = (writer: protobuf.Writer): protobuf.Writer =>
      unknown(writer).uint32(tag(1, lengthDelimited)).string('c').uint32(tag(16, varint)).int32(-1);
    for (const field of [5, 6, 7, 8, 9, 10, 15]) {
      const frame = frameOf((writer) =>
        unknown(
          request(unknown(writer).uint32(tag(field, lengthDelimited)).fork())
            .ldelim()
            .uint32(tag(1, varint))
            .uint32(1),
        ),
      );
      const [command] = protobufCodec.decodeCommands(frame);
      assert.ok(command !== undefined && command.method !== 'pong' && 'channel' in command.request);
      assert.equal(command.request.channel, 'c');
    }
  });

  test('raw members are copies', () => {
    const frame = frameByProtobufjs('Command', { id: 1, publish: { channel: 'c', data: Buffer.from('data') } });
    const [command] = protobufCodec.decodeCommands(frame);
    frame.fill(0);
    assert.ok(command?.method === 'publish');
    assert.equal(command.request.data.toString(), 'data');
  });
});

describe('what is refused, and why', () => {
  const command = (fields: object): Buffer => frameByProtobufjs('Command', { ...fields });

  test('frames', () => {
    assertRefused(Buffer.alloc(0), 'empty-frame', /no command/);
    assertRefused(Buffer.from('05', 'hex'), 'invalid-protobuf', /needs 5 bytes, has 0/);
    assertRefused(Buffer.from('ffffffffffffffffffff01', 'hex'), 'invalid-protobuf', /./);
    assertRefused(Buffer.from('ffffffffffffff7f00', 'hex'), 'invalid-protobuf', /2\^53|needs/);
    assertRefused(Buffer.from('80', 'hex'), 'invalid-protobuf', /needs 1 bytes/);
    assertRefused(Buffer.alloc(513), 'frame-too-long', /more than 512/);
    assertRefused(Buffer.alloc(3), 'frame-too-long', /more than 2/, { maxCommands: 2 });
    assert.equal(protobufCodec.decodeCommands(Buffer.alloc(2), { maxCommands: 2 }).length, 2);
  });

  test('commands', () => {
    assertRefused(command({ publish: { channel: 'c' } }), 'missing-id', /^id: expected/);
    assertRefused(command({ id: 1 }), 'unknown-command', /expected one of connect, subscribe/);
    assertRefused(command({ id: 1, ping: {}, rpc: {} }), 'several-commands', /both ping and rpc/);
    assertRefused(
      frameOf((writer) => writer.uint32(tag(4, varint)).uint32(1)),
      'invalid-field',
      /^connect: expected a message, got wire type 0/,
    );
    assertRefused(
      frameOf((writer) => writer.uint32(tag(1, varint)).uint64(2 ** 32)),
      'invalid-field',
      /^id: expected an integer of 0 to 4294967295, got 4294967296/,
    );
    assertRefused(
      frameOf((writer) => writer.uint32(tag(0, varint)).uint32(1)),
      'invalid-protobuf',
      /no field number 0/,
    );
    assertRefused(
      frameOf((writer) => writer.uint32(tag(77, 3))),
      'invalid-protobuf',
      /field 77 has wire type 3/,
    );
    assertRefused(
      frameOf((writer) => writer.uint64(2 ** 32 + 8).uint32(1)),
      'invalid-protobuf',
      /no field number/,
    );
  });

  test('fields', () => {
    const subscribe = (write: (writer: protobuf.Writer) => protobuf.Writer): Buffer =>
      frameOf((writer) =>
        write(writer.uint32(tag(1, varint)).uint32(1).uint32(tag(5, lengthDelimited)).fork()).ldelim(),
      );
    assertRefused(
      subscribe((writer) => writer.uint32(tag(1, lengthDelimited)).bytes(Buffer.from([0x61, 0xff]))),
      'invalid-field',
      /^subscribe\.channel: expected a string of valid Unicode, got bytes that are not UTF-8$/,
    );
    assertRefused(
      subscribe((writer) => writer.uint32(tag(1, varint)).uint32(1)),
      'invalid-field',
      /^subscribe\.channel: expected a string, got wire type 0$/,
    );
    assertRefused(
      subscribe((writer) => writer.uint32(tag(7, varint)).uint64('9007199254740992')),
      'invalid-field',
      /^subscribe\.offset: expected an integer of 0 to 9007199254740991, got 9007199254740992$/,
    );
    assertRefused(
      subscribe((writer) => writer.uint32(tag(14, varint)).int64(-1)),
      'invalid-field',
      /^subscribe\.flag: .* got 18446744073709551615$/,
    );
    assertRefused(
      subscribe((writer) => writer.uint32(tag(3, lengthDelimited)).string('x')),
      'invalid-field',
      /^subscribe\.recover: expected true or false/,
    );
    // Its length goes beyond the request, though not beyond the frame.
    assertRefused(
      Buffer.from('0a' + '2a03' + '0a0561' + '0801' + '800101', 'hex'),
      'invalid-protobuf',
      /needs 5 bytes, has 1/,
    );
    const replacement = subscribe((writer) => writer.uint32(tag(1, lengthDelimited)).string('\ufffd'));
    const [kept] = protobufCodec.decodeCommands(replacement);
    assert.ok(kept?.method === 'subscribe');
    assert.equal(kept.request.channel, '\ufffd');
  });

  test('filters that are nested too deep, lists that are too long', () => {
    // protobufjs itself refuses what is nested so deep.
    const nested = (depth: number): Buffer => {
      let node: Uint8Array = new Uint8Array();
      for (let level = 1; level < depth; level++) {
        node = protobuf.Writer.create().uint32(tag(6, lengthDelimited)).bytes(node).finish();
      }
      return frameOf((writer) =>
        writer
          .uint32(tag(1, varint))
          .uint32(1)
          .uint32(tag(5, lengthDelimited))
          .fork()
          .uint32(tag(13, lengthDelimited))
          .bytes(node)
          .ldelim(),
      );
    };
    assert.equal(protobufCodec.decodeCommands(nested(100)).length, 1);
    assertRefused(nested(101), 'too-deep', /more than 100 nodes deep/);
    const json = (depth: number): string =>
      `{"id":1,"subscribe":{"tf":${'{"nodes":['.repeat(depth - 1)}{}${']}'.repeat(depth - 1)}}}`;
    assert.equal(decodeCommands(json(100)).length, 1);
    assert.throws(() => decodeCommands(json(101)), /nested more than/);

    const vals = (count: number): object => ({
      id: 1,
      subscribe: { tf: { vals: Array.from({ length: count }, () => '') } },
    });
    assert.equal(protobufCodec.decodeCommands(command(vals(10_000))).length, 1);
    assertRefused(command(vals(10_001)), 'too-many-elements', /^subscribe\.tf\.vals: .* more than 10000/);
    const nodes = Array.from({ length: 10_001 }, () => ({}));
    assertRefused(command({ id: 1, subscribe: { tf: { nodes } } }), 'too-many-elements', /nodes/);
    const names = Array.from({ length: 5001 }, (_, index) => [`n${index}`, '']);
    const headers = Object.fromEntries(names) as object;
    const subs = Object.fromEntries(names.map(([name]) => [name, {}])) as object;
    assertRefused(command({ id: 1, connect: { subs, headers } }), 'too-many-elements', /^connect\./);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtocolClient, TextClient } from '../support/clients.ts';
import { metric, untilIdle, untilMetric } from '../support/metrics.ts';
import { RawClient } from '../support/raw-client.ts';
import { startEdge, type World } from '../support/world.ts';

const limitBytes = 4096;
const env = { PHAROS_WEBSOCKET_MESSAGE_SIZE_LIMIT: String(limitBytes) };
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10, reserved: 3 } as const;

/** Pieces that frames of the protocol are made of, so that the random ones get somewhere. */
const pieces = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\n',
  '\\',
  '0',
  '-1',
  '1e9',
  'null',
  'true',
  '"id"',
  '"connect"',
  '"subscribe"',
  '"publish"',
  '"channel"',
  '"data"',
  '{"id":1,"connect":{}}',
  '{"id":2,"subscribe":{"channel":"fuzz"}}',
  '{"id":3,"publish":{"channel":"fuzz","data":{}}}',
  '{"id":4,"unsubscribe":{"channel":"fuzz"}}',
  '{"id":5,"history":{"channel":"fuzz"}}',
  '{"send":{}}',
  '{}',
  '\ud83d\ude00',
  '\u0000',
];

const protocolFrame = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => Buffer.from(parts.join(''))),
  fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((parts) => Buffer.from(parts.join('\n'))),
  fc.json().map((json) => Buffer.from(json)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);
/** The same for Protobuf: tags, lengths, commands, cut ones, and varints that don't end. */
const binaryPieces = [
  '00',
  '0401',
  '0801',
  '04 0801 2200',
  '04 0801 5a00',
  '0d 0802 2a09 0a0766757a7a2d7062',
  '0f 0803 3a0b 0a0766757a7a2d7062 1200',
  '11 0803 3a0d 0a0766757a7a2d7062 1202ffff',
  '0d 0804 5209 0a0766757a7a2d7062',
  '0f 0805 2a0b 0a0766757a7a2d7062 7200',
  '0a07',
  '2a',
  '3a7f',
  '22ff01',
  'ffffffffffffffffff01',
  'ffffffffffffffffffffff',
  '6a026a026a02',
  '0b0c',
];
const binaryFrame = fc.oneof(
  fc.array(fc.constantFrom(...binaryPieces), { maxLength: 8 }).map((parts) => fromHex(parts.join(''))),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from([bytes.length, ...bytes])),
);

function fromHex(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

const frame = fc.record({
  opcode: fc.constantFrom(opcodes.text, opcodes.text, opcodes.text, ...Object.values(opcodes)),
  payload: protocolFrame,
});

/** Whatever clients send: a clear close, and nobody else notices. */
export function badInputScenarios(makeWorld: () => World, socket: 'uws' | 'ws'): void {
  test('an oversized message is closed with 1009, invalid UTF-8 with 1007, on both routes', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket, env });
    const { client, id } = await TextClient.joined(t, edge);
    for (const path of ['/', '/connection/websocket']) {
      const large = await TextClient.open(t, `ws://127.0.0.1:${edge.port}${path}`);
      large.send('x'.repeat(limitBytes + 1));
      assert.equal((await large.closed).code, 1009, path);
      // However much larger, the end comes; uWebSockets.js ends that one without a close frame.
      const huge = await TextClient.open(t, `ws://127.0.0.1:${edge.port}${path}`);
      huge.send('x'.repeat(limitBytes * 100));
      assert.ok([1009, 1006].includes((await huge.closed).code), path);
      const invalid = await RawClient.open(t, edge.port, path, () => undefined);
      invalid.sendFrame(opcodes.text, Buffer.from([0x61, 0xff]));
      assert.ok([1007, undefined].includes(await invalid.ended()), path);
    }
    await untilMetric(edge, 'pharos_edge_connections', 1);
    assert.equal(await metric(edge, 'pharos_edge_connections_closed_total', { code: '1009' }), 4);
    assert.equal(await metric(edge, 'pharos_edge_connections_closed_total', { code: '1007' }), 2);
    client.send('still here');
    await client.received.waitFor((text) => text === `[${id}] still here`, 'its text');
  });

  test('a message of the very limit is taken', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket, env });
    const { client, id } = await TextClient.joined(t, edge);
    client.send('x'.repeat(limitBytes));
    await client.received.waitFor((text) => text.length === limitBytes + id.length + 3, 'its text');
  });

  test('more commands than one frame may hold: 3501', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const client = await ProtocolClient.connect(t, edge);
    client.send(...Array.from({ length: 513 }, () => ({ ping: {} })));
    assert.deepEqual(await client.closed, { code: 3501, reason: 'bad request' });
  });

  test('random frames harm nobody but their sender, and leave nothing behind', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket, env });
    const witness = await ProtocolClient.connect(t, edge);
    await witness.subscribe('witness');
    const text = await TextClient.joined(t, edge);
    let round = 0;
    const paths = ['/connection/websocket', '/connection/websocket', '/'];
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(...paths),
        async (frames, path) => {
          const client = await RawClient.open(t, edge.port, path, (line) => {
            if (path !== '/') for (const each of line.split('\n')) JSON.parse(each);
          });
          if (path !== '/') client.sendText('{"id":1,"connect":{}}');
          for (const { opcode, payload } of frames) client.sendFrame(opcode, payload);
          // In order behind all of them; then either side's close.
          client.sendFrame(opcodes.close, Buffer.from([0x03, 0xe8]));
          await client.ended();
          await witness.publish('witness', round++);
        },
      ),
      { numRuns: 60, seed: 20260101, endOnFailure: true },
    );
    await witness.publications.waitForCount(round);
    assert.deepEqual(
      witness.dataOf('witness'),
      Array.from({ length: round }, (_, index) => index),
    );
    assert.equal(text.client.ws.readyState, text.client.ws.OPEN);
    await untilMetric(edge, 'pharos_edge_connections', 2);
    await untilMetric(edge, 'pharos_edge_subscriptions', 2);
    await untilMetric(edge, 'pharos_edge_channels', 2);
    witness.ws.close();
    text.client.ws.close();
    await untilIdle(edge);
    // What clients choose makes no series of its own.
    for (const { name } of edge.metrics.describe()) {
      const { values } = (await edge.metrics.registry.getSingleMetric(name)?.get()) ?? { values: [] };
      assert.ok(values.length <= 40, `${name} has ${values.length} series`);
    }
  });

  test('random Protobuf frames harm nobody but their sender, and leave nothing behind', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket, env });
    const witness = await ProtocolClient.connect(t, edge);
    await witness.subscribe('witness');
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(binaryFrame, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(opcodes.binary, opcodes.binary, opcodes.text),
        async (frames, lastOpcode) => {
          const path = '/connection/websocket?format=protobuf';
          const client = await RawClient.open(t, edge.port, path, () => assert.fail('a text frame came'));
          client.sendFrame(opcodes.binary, fromHex('04 0801 2200'));
          for (const [index, payload] of frames.entries()) {
            client.sendFrame(index === frames.length - 1 ? lastOpcode : opcodes.binary, payload);
          }
          client.sendFrame(opcodes.close, Buffer.from([0x03, 0xe8]));
          await client.ended();
          await witness.publish('witness', round++);
        },
      ),
      { numRuns: 100, seed: 20260102, endOnFailure: true },
    );
    await witness.publications.waitForCount(round);
    assert.equal(witness.dataOf('witness').length, round);
    await untilMetric(edge, 'pharos_edge_connections', 1);
    await untilMetric(edge, 'pharos_edge_channels', 1);
    witness.ws.close();
    await untilIdle(edge);
  });

  test('hundreds that come and go leave no session, subscription or topic behind', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const rounds = 10;
    const each = 25;
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        Array.from({ length: each }, async (_, index) => {
          const client = await RawClient.open(t, edge.port, '/connection/websocket', () => undefined);
          const channels = Array.from({ length: 5 }, (_, n) => `c${round}-${index}-${n}`);
          const commands = channels.map((channel, n) => `{"id":${n + 2},"subscribe":{"channel":"${channel}"}}`);
          client.sendText(['{"id":1,"connect":{}}', ...commands].join('\n'));
          if (index % 2 === 0) client.sendFrame(opcodes.close, Buffer.from([0x03, 0xe8]));
          else client.tcp.end();
          await client.ended();
        }),
      );
    }
    await untilIdle(edge);
    assert.equal(await metric(edge, 'pharos_edge_connections_opened_total'), rounds * each);
    assert.equal(await metric(edge, 'pharos_edge_connections_closed_total'), rounds * each);
  });
}

import { strict as assert } from 'node:assert';

import { opcodes } from '@pharos/testkit';
import { Attacker } from '../attacker.ts';
import { type Attack, chance, Counter, type Counts, inParallel, type Target } from '../attack.ts';

const connectionsPerRound = 500;
/** One that isn't taken ends the connection, and what comes behind it is not looked at. */
const framesPerConnection = 3;
const atOnce = 25;

/** Commands that are right, for what follows to be nearly right. */
const jsonSeeds = [
  '{"id":1,"connect":{}}',
  '{"id":2,"subscribe":{"channel":"fuzz","recoverable":true,"positioned":true,"offset":1,"epoch":"x.1","recover":true}}',
  '{"id":3,"publish":{"channel":"fuzz","data":{"a":[1,2.5e3,null,"\\u00fc"]}}}',
  '{"id":4,"unsubscribe":{"channel":"fuzz"}}',
  '{"id":5,"history":{"channel":"fuzz","limit":10,"since":{"offset":3,"epoch":"x"},"reverse":true}}',
  '{"id":6,"presence":{"channel":"fuzz"}}',
  '{"id":7,"rpc":{"method":"m","data":{}}}',
  '{"id":8,"refresh":{"token":"a.b.c"}}',
  '{"id":9,"sub_refresh":{"channel":"fuzz","token":"a.b.c"}}',
  '{"id":10,"subscribe":{"channel":"fuzz","tf":{"op":"and","nodes":[{"key":"k","cmp":"eq","val":"v"}]},"delta":"fossil"}}',
  '{"send":{"data":{}}}',
  '{"id":11,"ping":{}}\n{"id":12,"ping":{}}',
  '{}',
].map((text) => Buffer.from(text));

/** The same in Protobuf, each after its length. */
const protobufSeeds = [
  '04 0801 2200',
  '0a 0802 2a06 0a0466757a7a',
  '0c 0802 2a08 0a0466757a7a 5001',
  '0e 0803 3a0a 0a0466757a7a 12027b7d',
  '0a 0804 3206 0a0466757a7a',
  '0c 0805 5208 0a0466757a7a 380a',
  '0a 0806 4206 0a0466757a7a',
  '0b 0807 6a07 0a027b7d 12016d',
  '09 0808 7205 0a03612e62',
  '10 080a 2a0c 0a0466757a7a 6a04 6a026a00',
  '04 0809 5a00',
  '00',
].map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** How a connection may end that was sent nonsense: by its own good-bye, or for what it sent. Never for an error of the server. */
const fairCodes: ReadonlySet<number | undefined> = new Set([
  1000,
  1002,
  1003,
  1005,
  1007,
  1009,
  3000,
  3500,
  3501,
  3503,
  3507,
  3508,
  3509,
  undefined,
]);

/** Takes what was right apart: bits, bytes, ranges, other seeds. */
function mutate(seed: Buffer, seeds: readonly Buffer[], below: (limit: number) => number): Buffer {
  let bytes = Buffer.from(seed);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    const length = 1 + below(8);
    switch (below(7)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << below(8));
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 2:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(Array.from({ length }, () => below(256))),
          bytes.subarray(at),
        ]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), seeds[below(seeds.length)] as Buffer]);
        break;
      case 4:
        bytes = bytes.subarray(0, at);
        break;
      case 5:
        bytes = Buffer.concat(Array.from({ length: 1 + below(6) }, () => bytes));
        break;
      default:
        // Digits and lengths that are larger than what they count.
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from('9'.repeat(1 + below(30))), bytes.subarray(at)]);
    }
  }
  return bytes.subarray(0, 32_768);
}

export const jsonFrames: Attack = {
  name: 'frames-json',
  run: (target, rounds) =>
    fuzz(target, rounds, { seeds: jsonSeeds, opcode: opcodes.text, path: '/connection/websocket' }),
};

export const protobufFrames: Attack = {
  name: 'frames-protobuf',
  run: (target, rounds) =>
    fuzz(target, rounds, {
      seeds: protobufSeeds,
      opcode: opcodes.binary,
      path: '/connection/websocket?format=protobuf',
    }),
};

interface Codec {
  readonly seeds: readonly Buffer[];
  readonly opcode: number;
  readonly path: string;
}

async function fuzz({ edge }: Target, rounds: number, { seeds, opcode, path }: Codec): Promise<Counts> {
  const counter = new Counter();
  await inParallel(connectionsPerRound * rounds, atOnce, async (index) => {
    const below = chance(index);
    const onMessage = (message: Buffer, kind: number): void => {
      assert.equal(kind, opcode, 'the kind of an answer');
      // Whatever was asked, an answer is of the protocol.
      if (kind === opcodes.text) for (const line of message.toString('utf8').split('\n')) JSON.parse(line);
      else assertFramed(message);
    };
    const attacker = await Attacker.open({ port: edge.port, path, onMessage });
    if (below(5) > 0) attacker.sendFrame(opcode, seeds[0] as Buffer);
    for (let frame = 0; frame < framesPerConnection; frame++) {
      attacker.sendFrame(opcode, mutate(seeds[below(seeds.length)] as Buffer, seeds, below));
      counter.add('frames');
    }
    attacker.sayGoodBye();
    const code = await attacker.ended();
    assert.ok(fairCodes.has(code), `close code ${code}`);
    counter.add(`ended ${code ?? 'without a code'}`);
    counter.add('answers', attacker.messages);
  });
  return counter.counts;
}

/** Replies in Protobuf: each after its length, and nothing left. */
function assertFramed(message: Buffer): void {
  let at = 0;
  while (at < message.length) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? assert.fail('a length that breaks off');
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    at += length;
  }
  assert.equal(at, message.length, 'the end of the last reply');
}

import { strict as assert } from 'node:assert';
import { constants, deflateRawSync } from 'node:zlib';

import { opcodes } from '@pharos/testkit';
import { Attacker } from '../attacker.ts';
import { type Attack, Counter, inParallel } from '../attack.ts';

const perRound = 10;
const atOnce = 5;
const compressedText = 0xc1;
const bombBytes = 64 * 1024 * 1024;
const deep = 20_000;

/** What a message inflates to, as permessage-deflate sends it. */
function deflated(bytes: Buffer): Buffer {
  return deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** A message of a kilobyte that would be thousands of times as large; each in a frame that says that it is compressed. */
function compressedBombs(): Readonly<Record<string, Buffer>> {
  const zeros = deflated(Buffer.alloc(bombBytes));
  return {
    'zeros of 64 MiB': zeros.length > 60_000 ? zeros.subarray(0, 60_000) : zeros,
    'spaces of 8 MiB': deflated(Buffer.alloc(8 * 1024 * 1024, ' ')),
    'no stream of deflate': Buffer.from('this is not compressed at all, and says so'),
    'a stream that breaks off': deflated(Buffer.from('{"id":2,"ping":{}}'.repeat(100))).subarray(0, 10),
  };
}

const nodes = (depth: number): string => '{"op":"not","nodes":['.repeat(depth) + '{}' + ']}'.repeat(depth);

/** Within the limit of a message, and dear to whoever takes them to pieces without care. */
const jsonBombs: Readonly<Record<string, string>> = {
  'arrays in arrays': `{"id":2,"publish":{"channel":"bombs","data":${'['.repeat(deep)}${']'.repeat(deep)}}}`,
  'objects in objects': `{"id":2,"publish":{"channel":"bombs","data":${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}}}`,
  'brackets that never close': '['.repeat(60_000),
  'filters in filters': `{"id":2,"subscribe":{"channel":"bombs","tf":${nodes(2_000)}}}`,
  'names of names': `{"id":2,"publish":{"channel":"bombs","data":{${Array.from({ length: 5_000 }, (_, at) => `"a${at}":1`).join(',')}}}}`,
  'a long number': `{"id":${'9'.repeat(50_000)},"ping":{}}`,
  'a large power': '{"id":1e999999999,"ping":{}}',
  'escapes only': `{"id":2,"subscribe":{"channel":"${'\\u0041'.repeat(9_000)}"}}`,
  'a name of the language': '{"id":2,"__proto__":{"id":3},"constructor":{"prototype":{"x":1}},"ping":{}}',
  'newlines only': '\n'.repeat(60_000),
};

/** Little to send, much to hold: the message ends its own connection, or is answered as any other. */
export const bombs: Attack = {
  name: 'bombs',
  run: async ({ edge }, rounds) => {
    const counter = new Counter();
    const compressed = Object.entries(compressedBombs());
    await inParallel(compressed.length * perRound * rounds, atOnce, async (index) => {
      const [what, bytes] = compressed[index % compressed.length] as (typeof compressed)[number];
      const attacker = await Attacker.open({
        port: edge.port,
        headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' },
      });
      attacker.sendText('{"id":1,"connect":{}}');
      attacker.sendFrame(opcodes.text, bytes, compressedText);
      attacker.sayGoodBye();
      const code = await attacker.ended();
      assert.ok([1002, 1006, 1007, 1009, 3501, undefined].includes(code), `${what}: ended with ${code}`);
      counter.add(`compressed: ended ${code ?? 'without a code'}`);
    });
    const plain = Object.entries(jsonBombs);
    await inParallel(plain.length * perRound * rounds, atOnce, async (index) => {
      const [what, text] = plain[index % plain.length] as (typeof plain)[number];
      const attacker = await Attacker.open({ port: edge.port });
      attacker.sendText('{"id":1,"connect":{}}');
      attacker.sendText(text);
      attacker.sayGoodBye();
      const code = await attacker.ended();
      assert.ok([1000, 1005, 3501, undefined].includes(code), `${what}: ended with ${code}`);
      counter.add(`JSON: ended ${code ?? 'without a code'}`);
    });
    return counter.counts;
  },
};

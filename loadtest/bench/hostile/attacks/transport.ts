import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect } from 'node:net';

import { withDeadline } from '@pharos/lifecycle';

import { Attacker } from '../attacker.ts';
import { type Attack, chance, Counter, inParallel } from '../attack.ts';

const waitMs = 60_000;
const atOnce = 25;
const perRound = 100;

/** Frames that the standard forbids: the connection ends, by a code of the standard or none. */
const forbiddenFrames: Readonly<Record<string, Buffer>> = {
  // uWebSockets.js takes the first bytes for a mask: what it makes of the rest is no command.
  'not masked': Buffer.concat([Buffer.from([0x81, 0x0c]), Buffer.from('{"ping":{}}\n'.repeat(2))]),
  'a reserved opcode': Buffer.from([0x83, 0x80, 0, 0, 0, 0]),
  'a reserved control opcode': Buffer.from([0x8b, 0x80, 0, 0, 0, 0]),
  'a reserved bit': Buffer.from([0xa1, 0x80, 0, 0, 0, 0]),
  'a control frame in parts': Buffer.from([0x09, 0x80, 0, 0, 0, 0]),
  'a long control frame': Buffer.concat([Buffer.from([0x89, 0xfe, 0, 126, 0, 0, 0, 0]), Buffer.alloc(126)]),
  'a continuation of nothing': Buffer.from([0x80, 0x80, 0, 0, 0, 0]),
  'two beginnings': Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x7b, 0x81, 0x80, 0, 0, 0, 0]),
  'two to the power of 63 bytes': Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  'a gigabyte': Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]),
  'a close of one byte': Buffer.from([0x88, 0x81, 0, 0, 0, 0, 3]),
  'a close with a forbidden code': Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed]),
  'text that is not UTF-8': Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]),
};
const fairCodes: ReadonlySet<number | undefined> = new Set([1002, 1005, 1007, 1009, 3501, undefined]);

export const forbidden: Attack = {
  name: 'frames-forbidden',
  run: async ({ edge }, rounds) => {
    const counter = new Counter();
    const all = Object.entries(forbiddenFrames);
    await inParallel(all.length * rounds, atOnce, async (index) => {
      const [what, bytes] = all[index % all.length] as (typeof all)[number];
      const attacker = await Attacker.open({ port: edge.port });
      attacker.sendText('{"id":1,"connect":{}}');
      attacker.sendBytes(bytes);
      const code = await attacker.ended();
      assert.ok(fairCodes.has(code) || code === 1000, `${what}: ended with ${code}`);
      counter.add(`ended ${code ?? 'without a code'}`);
      counter.add('frames');
    });
    return counter.counts;
  },
};

const requests: readonly string[] = [
  'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
  'GET /connection/websocket HTTP/1.1\r\n\r\n',
  'BREW /connection/websocket HTTP/1.1\r\nHost: x\r\n\r\n',
  `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(5_000)}\r\n`,
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nx',
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\nA\0b: c\r\n\r\n',
  'GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n',
  '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 a client of TLS',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];

/** What is no request, or no honest one: answered with an error or not at all, and over. */
export const garbage: Attack = {
  name: 'requests',
  run: async ({ edge }, rounds) => {
    const counter = new Counter();
    await inParallel(perRound * rounds, atOnce, async (index) => {
      const below = chance(index);
      const random = (): string => Array.from({ length: 200 }, () => String.fromCharCode(below(256))).join('');
      const request = requests[index % (requests.length + 1)] ?? random();
      const tcp = connect(edge.port, '127.0.0.1');
      const chunks: Buffer[] = [];
      tcp.on('data', (chunk: Buffer) => chunks.push(chunk));
      // A server that has ended already resets what is still sent.
      tcp.on('error', () => undefined);
      const closed = once(tcp, 'close');
      tcp.end(request, 'latin1');
      try {
        await withDeadline(closed, waitMs, `the end of a connection that sent '${request.slice(0, 40)}'`);
      } finally {
        tcp.destroy();
      }
      const answer = Buffer.concat(chunks).toString('latin1');
      const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1];
      assert.ok(!answer.includes('root:'), 'a file of the server');
      // 505: a version of HTTP that isn't spoken.
      const isFair = status === undefined || Number(status) < 500 || status === '505';
      assert.ok(isFair, `answered with ${status}: ${request.slice(0, 60)}`);
      counter.add(`answered ${status ?? 'by an end'}`);
      counter.add('requests');
    });
    return counter.counts;
  },
};

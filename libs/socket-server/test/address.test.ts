import assert from 'node:assert/strict';
import { isIP, SocketAddress } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatAddress, hostAndPort, normalizeAddress } from '../src/common/address.ts';
import { fitReason } from '../src/common/closing.ts';
import { parseProtocols } from '../src/common/handshake.ts';

/** Any of Unicode. fast-check's own unit for it takes seconds to be made. */
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code));

describe('addresses', () => {
  const cases: [string, string][] = [
    ['7f000001', '127.0.0.1'],
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['00000000000000000000ffff7f000001', '127.0.0.1'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010000000000010000000000000001', '2001:0:0:1::1'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['', ''],
  ];
  for (const [hex, text] of cases) {
    test(`${hex || 'nothing'} is ${text || 'empty'}`, () => assert.equal(formatAddress(Buffer.from(hex, 'hex')), text));
  }

  test('any 16 bytes make the address that Node writes for them', () => {
    const group = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        // Node writes the first 96 bits zero in the old IPv4-compatible notation, which RFC 5952 has no more.
        fc.pre(groups.slice(0, 6).some((value) => value !== 0 && value !== 0xffff));
        const long = groups.map((value) => value.toString(16).padStart(4, '0'));
        const text = formatAddress(Buffer.from(long.join(''), 'hex'));
        assert.equal(isIP(text), 6);
        assert.equal(text, new SocketAddress({ address: long.join(':'), family: 'ipv6' }).address);
      }),
      { numRuns: 200 },
    );
  });

  test('a mapped IPv4 address loses its prefix, nothing else changes', () => {
    assert.equal(normalizeAddress('::ffff:10.0.0.1'), '10.0.0.1');
    assert.equal(normalizeAddress('::ffff:a00:1'), '::ffff:a00:1');
    assert.equal(normalizeAddress('fe80::1'), 'fe80::1');
    assert.deepEqual([hostAndPort('::1', 80), hostAndPort('a.test', 80)], ['[::1]:80', 'a.test:80']);
  });
});

describe('what goes into frames and out of headers', () => {
  test('a reason is cut to 123 bytes of valid UTF-8 and is otherwise kept', () => {
    fc.assert(
      fc.property(fc.string({ unit: codePoint, maxLength: 80 }), (reason) => {
        const fitted = fitReason(reason);
        assert.ok(Buffer.byteLength(fitted) <= 123);
        if (Buffer.byteLength(reason) <= 123) assert.equal(fitted, reason);
        else assert.ok(reason.startsWith(fitted) && Buffer.byteLength(fitted) >= 120);
      }),
      { numRuns: 200 },
    );
  });

  test('a list of subprotocols', () => {
    assert.deepEqual(parseProtocols(''), []);
    assert.deepEqual(parseProtocols('a, b ,c.d'), ['a', 'b', 'c.d']);
    for (const malformed of [',', 'a,', 'a b', 'a,a', 'ü', 'a;b']) assert.equal(parseProtocols(malformed), undefined);
  });
});

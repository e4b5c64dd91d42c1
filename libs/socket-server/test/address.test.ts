import assert from 'node:assert/strict';
import { isIP, SocketAddress } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatAddress, hostAndPort, normalizeAddress } from '../src/common/address.ts';
import { fitReason } from '../src/common/closing.ts';
import { parseProtocols } from '../src/common/handshake.ts';
import { isNetwork, TrustedProxies } from '../src/common/trusted-proxies.ts';

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

describe('trusted proxies', () => {
  const proxies = new TrustedProxies(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
  const from = (peer: string, ...values: string[]): string =>
    proxies.clientOf(
      peer,
      values.flatMap((value) => ['x-forwarded-for', value]),
    );

  test('only a trusted peer is believed', () => {
    assert.equal(from('203.0.113.9', '198.51.100.1'), '203.0.113.9');
    assert.equal(from('10.1.2.3', '198.51.100.1'), '198.51.100.1');
    assert.equal(from('10.1.2.3'), '10.1.2.3');
    assert.equal(new TrustedProxies().clientOf('10.1.2.3', ['x-forwarded-for', '198.51.100.1']), '10.1.2.3');
  });

  test('the last address that is not trusted counts: what stands before it is a claim of the client', () => {
    assert.equal(from('10.1.2.3', '6.6.6.6, 198.51.100.1, 192.0.2.7, 10.9.9.9'), '198.51.100.1');
    assert.equal(from('10.1.2.3', '6.6.6.6', '198.51.100.1 ,10.9.9.9'), '198.51.100.1');
    assert.equal(from('10.1.2.3', '10.4.4.4, 10.5.5.5'), '10.4.4.4');
  });

  test('ports, IPv6 and mapped addresses are read; what is no address ends the search at the proxy before it', () => {
    assert.equal(from('fd00::1', '198.51.100.1:4711'), '198.51.100.1');
    assert.equal(from('fd00::1', '[2001:db8::5]:443'), '2001:db8::5');
    assert.equal(from('fd00::1', '::ffff:198.51.100.1'), '198.51.100.1');
    for (const nonsense of ['unknown', '', '1.2.3', 'x'.repeat(50_000), '_hidden']) {
      assert.equal(from('fd00::1', `198.51.100.1, ${nonsense}, 10.9.9.9`), '10.9.9.9');
    }
    assert.equal(from('fd00::1', Array.from({ length: 5_000 }, () => '10.0.0.1').join(',')), '10.0.0.1');
  });

  test('networks are addresses with or without a prefix', () => {
    for (const good of ['10.0.0.0/8', '192.0.2.7', '::1/128', 'fd00::/8', '0.0.0.0/0'])
      assert.ok(isNetwork(good), good);
    for (const bad of ['', 'x', '10.0.0.0/33', '::/129', '10.0.0.0/8/8', '10.0.0.0/-1', '10.0.0.0/']) {
      assert.equal(isNetwork(bad), false, bad);
    }
    assert.throws(() => new TrustedProxies(['10.0.0']), /"10\.0\.0" is neither/);
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

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isJson, maxJsonDepth } from '@pharos/client-protocol';
import fc from 'fast-check';
import { eachMember, keyText, skipSpace } from '../src/json/scan.ts';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function assertAgrees(text: string): void {
  assert.equal(isJson(Buffer.from(text, 'utf8')), parses(text), `disagree on ${JSON.stringify(text)}`);
}

describe('isJson', () => {
  test('agrees with JSON.parse on the corners of the grammar', () => {
    const corners = [
      ...[
        '',
        ' ',
        '0',
        '-0',
        '-',
        '+1',
        '01',
        '1.',
        '.1',
        '1.0',
        '1e',
        '1e+',
        '1E-9',
        '1e999',
        '-1.5e+10',
        '0x1',
        'NaN',
        'Infinity',
      ],
      ...['true', 'tru', 'truex', 'false', 'null', 'nul', 'undefined', 'True'],
      ...[
        '""',
        '"',
        '"\\"',
        '"\\u12"',
        '"\\u12g4"',
        '"\\uD800"',
        '"\\x"',
        '"\\/"',
        '"a\nb"',
        '"\t"',
        '"\u007f"',
        '"\u2028"',
        "'a'",
      ],
      ...['[]', '[', ']', '[,]', '[1,]', '[1 2]', '[1,2]', '[ 1 , [ ] ]', '[1]]', '[}'],
      ...[
        '{}',
        '{',
        '}',
        '{"a"}',
        '{"a":}',
        '{"a":1,}',
        '{"a":1}',
        '{ "a" : 1 , "a" : 2 }',
        '{a:1}',
        '{1:1}',
        '{"a":1]',
        '{,}',
      ],
      ...['\ufeff1', '1\u00a0', '\v1', '1 // x', '[<id>] hello', ' \t\r\n1\r\n', '1\u0000', '{"__proto__":1}', '1 1'],
    ];
    for (const text of corners) assertAgrees(text);
  });

  test('agrees with JSON.parse on any text, and on valid JSON with one character changed', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), assertAgrees), { numRuns: 500 });
    const token = fc.constantFrom(...'{}[]",:\\ \n\t0123456789-+.eEtrufalsn/bx'.split(''));
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => assertAgrees(tokens.join(''))),
      { numRuns: 2000 },
    );
    const mutated = fc.tuple(fc.json(), fc.nat(), token, fc.constantFrom('insert', 'replace', 'remove'));
    fc.assert(
      fc.property(mutated, ([text, where, character, how]) => {
        const at = where % (text.length + 1);
        assertAgrees(text);
        assertAgrees(
          text.slice(0, at) + (how === 'remove' ? '' : character) + text.slice(how === 'insert' ? at : at + 1),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('bounds the nesting', () => {
    const nested = (depth: number): Buffer => Buffer.from('[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2));
    assert.equal(isJson(nested(maxJsonDepth)), true);
    assert.equal(isJson(nested(maxJsonDepth + 2)), false);
    assert.equal(isJson(Buffer.from('[[1]]'), 1), false);
    assert.equal(isJson(Buffer.from('[1]'), 1), true);
    assert.equal(isJson(Buffer.from('1'), 0), true);
    assert.equal(isJson(Buffer.from('['.repeat(1_000_000))), false, 'a hostile depth must not overflow the stack');
  });
});

/** Writes an object with given white space and, where asked, its keys in escaped form, duplicates kept. */
function write(members: readonly (readonly [string, unknown])[], space: string, escape: boolean): string {
  const key = (name: string): string =>
    escape
      ? `"${[...Array(name.length).keys()].map((i) => `\\u${name.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
      : JSON.stringify(name);
  return `${space}{${members.map(([name, value]) => `${space}${key(name)}${space}:${space}${JSON.stringify(value)}${space}`).join(',')}}${space}`;
}

test('eachMember sees the members that JSON.parse keeps, the last of each name', () => {
  const name = fc.oneof(
    fc.constantFrom('data', 'channel', '__proto__', 'constructor', ''),
    fc.string({ unit: 'grapheme' }),
  );
  const members = fc.array(fc.tuple(name, fc.jsonValue()), { maxLength: 6 });
  fc.assert(
    fc.property(members, fc.constantFrom('', ' ', '\t\r\n '), fc.boolean(), (list, space, escape) => {
      const bytes = Buffer.from(write(list, space, escape), 'utf8');
      const seen = new Map<string, unknown>();
      eachMember(bytes, skipSpace(bytes, 0), (keyStart, keyEnd, start, end) => {
        seen.set(keyText(bytes, keyStart, keyEnd), JSON.parse(bytes.toString('utf8', start, end)));
      });
      const parsed = new Map(Object.entries(JSON.parse(bytes.toString('utf8')) as Record<string, unknown>));
      assert.deepEqual([...seen].sort(byName), [...parsed].sort(byName));
    }),
    { numRuns: 500 },
  );
});

test('eachMember sees members however deep their values are: JSON.parse takes them', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const deep = `${open.repeat(50_000)}"]}\\""${close.repeat(50_000)}`;
    const bytes = Buffer.from(`{"deep": ${deep} ,"next":1}`);
    const seen: string[] = [];
    eachMember(bytes, 0, (_keyStart, _keyEnd, start, end) => seen.push(bytes.toString('utf8', start, end)));
    assert.deepEqual(seen, [deep, '1']);
  }
});

function byName(left: readonly [string, unknown], right: readonly [string, unknown]): number {
  return left[0] < right[0] ? -1 : 1;
}

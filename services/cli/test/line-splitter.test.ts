import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LineSplitter } from '../src/line-splitter.ts';

function split(chunks: readonly (string | Buffer)[], maxLineBytes = 1000): string[] {
  const splitter = new LineSplitter({ maxLineBytes });
  const lines = chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))]);
  const last = splitter.end();
  return [...lines, ...(last === undefined ? [] : [last])].map((line) => line.toString('latin1'));
}

describe('lines', () => {
  for (const [name, chunks, lines] of [
    ['end with LF or CRLF', ['a\nb\r\nc\n'], ['a', 'b', 'c']],
    ['may be empty', ['\n\r\n\na\n'], ['', '', '', 'a']],
    ['need no end at the end', ['a\nb'], ['a', 'b']],
    ['may come in pieces', ['a', 'b', '\nc', '', 'd\n'], ['ab', 'cd']],
    ['may have their CRLF cut in two', ['a\r', '\nb\r', '\n'], ['a', 'b']],
    ['keep a CR that ends no line', ['a\rb\nc\r\r\nd\r'], ['a\rb', 'c\r', 'd\r']],
    ['are none in an empty input', [''], []],
  ] as const) {
    test(name, () => assert.deepEqual(split(chunks), lines));
  }

  test('pass bytes that are not UTF-8 as they are', () => {
    const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x0a, 0x28, 0x0a]);
    assert.deepEqual(split([bytes]), ['\u00ff\u0000\u00c3', '(']);
  });

  test('are the same however the input is cut', () => {
    const piece = fc.constantFrom('a', 'bc', '\n', '\r\n', '\r', 'é');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(60), { maxLength: 8 }), (pieces, cuts) => {
        const bytes = Buffer.from(pieces.join(''));
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        assert.deepEqual(split(chunks), split([bytes]));
      }),
    );
  });

  test('that are too long are named, after those before them, and nothing more is kept', () => {
    const splitter = new LineSplitter({ maxLineBytes: 4 });
    const lines: string[] = [];
    const push = (text: string): void => {
      for (const line of splitter.push(Buffer.from(text))) lines.push(line.toString());
    };
    push('abcd\r\nef\n');
    assert.throws(() => push('gh\nabcdef'), { code: 'line-too-long', message: /^line 4 is longer than 4 bytes/ });
    assert.deepEqual(lines, ['abcd', 'ef', 'gh']);
  });
});

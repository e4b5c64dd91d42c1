import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatBytes, formatCount, formatElapsed, HUES, hueOf, initials, splitLinks } from '../../page/src/format.ts';

describe('splitLinks', () => {
  const links = (text: string): (string | undefined)[] => splitLinks(text).flatMap((part) => part.href ?? []);

  test('finds addresses and leaves the sentence its punctuation', () => {
    assert.deepEqual(splitLinks('see https://a.example/b?c=d#e, then go'), [
      { text: 'see ' },
      { text: 'https://a.example/b?c=d#e', href: 'https://a.example/b?c=d#e' },
      { text: ', then go' },
    ]);
    assert.deepEqual(links('(http://a.example/x). http://b.example/y_(z)!'), [
      'http://a.example/x',
      'http://b.example/y_(z)',
    ]);
  });

  test('makes no link of another scheme or of nothing', () => {
    for (const text of ['javascript://x/%0aalert(1)', 'data://x', 'file:///etc/passwd', 'https://', 'http://?', '']) {
      assert.deepEqual(links(text), [], text);
    }
  });

  test('loses and adds nothing', () => {
    const piece = fc.oneof(fc.constantFrom('https://a.example/', 'http://', ')', '. ', '(', 'x', '://'), fc.string());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const parts = splitLinks(text);
        assert.equal(parts.map((part) => part.text).join(''), text);
        for (const part of parts) assert.ok(part.href === undefined || /^https?:\/\//.test(part.href));
      }),
      { numRuns: 300 },
    );
  });
});

describe('formats', () => {
  test('bytes', () => {
    const cases = [0, 1, 999, 1000, 1549, 9949, 9960, 123_456, 999_499, 999_600, 5_000_000, 7e12].map(formatBytes);
    assert.deepEqual(cases, [
      '0 bytes',
      '1 byte',
      '999 bytes',
      '1 kB',
      '1.5 kB',
      '9.9 kB',
      '10 kB',
      '123 kB',
      '999 kB',
      '1 MB',
      '5 MB',
      '7000 GB',
    ]);
  });

  test('elapsed time', () => {
    assert.deepEqual([-5, 0, 999, 59_999, 60_000, 3_599_999, 7_200_000].map(formatElapsed), [
      '0 s',
      '0 s',
      '0 s',
      '59 s',
      '1 min',
      '59 min',
      '2 h',
    ]);
  });

  test('counts', () => {
    assert.deepEqual([1, 99, 100].map(formatCount), ['1', '99', '99+']);
  });

  test('initials', () => {
    assert.deepEqual(['ann', 'Ada Lovelace', 'a b c', '<img>', '🙂', '', 'élan vital', '𝒜x'].map(initials), [
      'A',
      'AL',
      'AC',
      'I',
      '?',
      '?',
      'ÉV',
      '𝒜',
    ]);
  });

  test('a hue stays for a name and all hues are used', () => {
    const used = new Set(Array.from({ length: 500 }, (_, index) => hueOf(`guest ${index}`)));
    assert.equal(used.size, HUES);
    assert.equal(hueOf('Ann'), hueOf('Ann'));
    for (const hue of used) assert.ok(Number.isInteger(hue) && hue >= 0 && hue < HUES);
  });
});

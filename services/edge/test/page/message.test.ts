import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ChatMessage, cleanName, continues, notice, readPublication } from '../../page/src/message.ts';

const context = { atMs: 1_000, isOwn: (clientId: string): boolean => clientId === 'mine' };
const uuid = '7d3c1c52-91ab-4d0e-8f27-0a2b5f6f1e55';

describe('readPublication', () => {
  test('takes name and text from a chat message', () => {
    const message = readPublication({ data: { name: ' Ann ', text: 'hi' }, clientId: 'c1' }, context);
    assert.deepEqual(message, {
      kind: 'chat',
      author: 'Ann',
      authorKey: 'Ann\nc1',
      text: 'hi',
      atMs: 1_000,
      own: false,
    });
  });

  test('knows its own messages by the client id, never by the name', () => {
    assert.equal(readPublication({ data: { name: 'x', text: 'a' }, clientId: 'mine' }, context).own, true);
    assert.equal(readPublication({ data: { name: 'x', text: 'a' }, clientId: 'other' }, context).own, false);
    assert.equal(readPublication({ data: { name: 'mine', text: 'a' } }, context).own, false);
  });

  test('falls back to the client id where the name is no text or empty', () => {
    for (const name of [undefined, '', '  ', 7, null, { toString: 'x' }]) {
      const message = readPublication({ data: { name, text: 'hi' }, clientId: uuid }, context);
      assert.equal(message.author, '7d3c1c52', JSON.stringify(name));
    }
  });

  test('shows the id of a plain WebSocket client as a short name', () => {
    const message = readPublication({ data: `[${uuid}] hello [you]` }, context);
    assert.deepEqual(
      [message.kind, message.author, message.authorKey, message.text],
      ['chat', '7d3c1c52', uuid, 'hello [you]'],
    );
  });

  test('leaves lines alone that only look like a client’s', () => {
    for (const line of [`[${uuid.slice(1)}] x`, '[note] x', ` [${uuid}] x`, '[]', '']) {
      const message = readPublication({ data: line }, context);
      assert.deepEqual([message.kind, message.author, message.text], ['line', '', line]);
    }
  });

  test('shows numbers, booleans and null of a produced line as text', () => {
    for (const [data, text] of [
      [42, '42'],
      [true, 'true'],
      [null, 'null'],
    ] as const) {
      const message = readPublication({ data }, context);
      assert.deepEqual([message.kind, message.text], ['line', text]);
    }
  });

  test('shows other JSON as JSON: short on one line, long indented', () => {
    assert.equal(readPublication({ data: { a: [1, 2] } }, context).text, '{ "a": [ 1, 2 ] }');
    assert.equal(readPublication({ data: { text: 5 } }, context).kind, 'json');
    const long = readPublication({ data: { key: 'v'.repeat(90) } }, context);
    assert.match(long.text, /^\{\n {2}"key": "v+"\n\}$/);
  });

  test('keeps the spaces inside of the strings of short JSON', () => {
    assert.equal(readPublication({ data: { a: 'x\n  y' } }, context).text, '{ "a": "x\\n  y" }');
  });

  test('tells the size of binary data', () => {
    const tags = { 'pharos-encoding': 'base64' };
    for (let size = 0; size < 9; size++) {
      const data = Buffer.alloc(size).toString('base64');
      const message = readPublication({ data, tags }, context);
      assert.equal(message.text, `${size} ${size === 1 ? 'byte' : 'bytes'} of binary data`);
      assert.equal(message.kind, 'binary');
    }
    assert.equal(readPublication({ data: 'AAAA', tags: { other: 'base64' } }, context).kind, 'line');
  });

  test('survives JSON that is nested too deeply to print', () => {
    const depth = 200_000;
    let data: unknown = 'x';
    for (let level = 0; level < depth; level++) data = [data];
    assert.equal(readPublication({ data }, context).text, 'JSON nested too deeply to show');
  });

  test('never throws, whatever JSON arrives', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.option(fc.string(), { nil: undefined }), (data, clientId) => {
        const message = readPublication({ data, clientId }, context);
        assert.equal(typeof message.text, 'string');
      }),
      { numRuns: 300 },
    );
  });
});

describe('cleanName', () => {
  test('makes one line of at most 40 characters', () => {
    assert.equal(cleanName('  Ada\n\tLovelace  '), 'Ada Lovelace');
    assert.equal(cleanName('x'.repeat(500)), 'x'.repeat(40));
    assert.equal(cleanName('🙂'.repeat(50)), '🙂'.repeat(40));
  });

  test('takes out what would turn the writing direction of the page', () => {
    assert.equal(cleanName('\u202eevil\u2066'), 'evil');
  });
});

describe('continues', () => {
  const first: ChatMessage = {
    kind: 'chat',
    author: 'Ann',
    authorKey: 'Ann\nc1',
    text: 'a',
    atMs: Date.UTC(2026, 4, 4, 12),
    own: false,
  };

  test('joins messages of one sender within five minutes', () => {
    assert.equal(continues({ ...first, atMs: first.atMs + 299_999 }, first), true);
    assert.equal(continues({ ...first, atMs: first.atMs + 300_000 }, first), false);
    assert.equal(continues(first, undefined), false);
  });

  test('parts senders of the same name', () => {
    assert.equal(continues({ ...first, authorKey: 'Ann\nc2' }, first), false);
    assert.equal(continues({ ...first, author: 'Bo' }, first), false);
    assert.equal(continues({ ...first, own: true }, first), false);
  });

  test('parts what lies on two days', () => {
    const midnight = new Date(2026, 4, 5).getTime();
    assert.equal(continues({ ...first, atMs: midnight }, { ...first, atMs: midnight - 1 }), false);
  });

  test('a notice stands alone', () => {
    const said = notice('gap', first.atMs);
    assert.equal(continues(said, said), false);
    assert.equal(continues({ ...said, kind: 'line' }, said), false);
  });
});

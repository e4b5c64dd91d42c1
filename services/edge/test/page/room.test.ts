import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkRoom, hashOfRoom, MAX_ROOMS, neighbour, parseRooms, roomOfHash } from '../../page/src/room.ts';
import { MAX_MESSAGES, RoomBook } from '../../page/src/room-book.ts';

describe('checkRoom', () => {
  test('takes 1 to 255 bytes of UTF-8', () => {
    assert.deepEqual(checkRoom('  news:eu '), { ok: true, room: 'news:eu' });
    assert.equal(checkRoom('é'.repeat(127)).ok, true);
    assert.equal(checkRoom('x'.repeat(255)).ok, true);
  });

  test('names what is wrong', () => {
    const problem = (text: string): string => {
      const check = checkRoom(text);
      return check.ok ? assert.fail('accepted') : check.problem;
    };
    assert.match(problem('   '), /Give the room a name/);
    assert.match(problem('é'.repeat(128)), /256 bytes long.*at most 255/);
    assert.match(problem('a\nb'), /line breaks/);
    assert.match(problem('a\u0000b'), /control characters/);
    assert.match(problem('a\ud800'), /half of a character/);
  });
});

describe('the hash of the location', () => {
  test('leads back to the room for any name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const check = checkRoom(text);
        if (check.ok) assert.equal(roomOfHash(hashOfRoom(check.room)), check.room);
      }),
      { numRuns: 300 },
    );
    assert.equal(hashOfRoom('a#b/c%'), '#a%23b%2Fc%25');
  });

  test('may be typed by hand', () => {
    assert.equal(roomOfHash('#lobby'), 'lobby');
    assert.equal(roomOfHash('#100%'), '100%');
    assert.equal(roomOfHash('#%E0%A4'), '%E0%A4');
    for (const none of ['', '#', '#%20', `#${'x'.repeat(256)}`, '#a%0Ab']) assert.equal(roomOfHash(none), undefined);
  });
});

describe('parseRooms', () => {
  test('reads what was kept', () => {
    assert.deepEqual(parseRooms('["b","a"]'), ['b', 'a']);
  });

  test('gives the default room for anything that is no list of rooms', () => {
    for (const stored of [null, '', 'x', '{}', '[]', '7', '[1,null,""]', '{"length":2}']) {
      assert.deepEqual(parseRooms(stored), ['chat'], String(stored));
    }
  });

  test('leaves out repeats, nonsense and what is too many', () => {
    assert.deepEqual(parseRooms('["a","a ",5,"","b"]'), ['a', 'b']);
    assert.equal(parseRooms(JSON.stringify(Array.from({ length: 500 }, (_, i) => `r${i}`))).length, MAX_ROOMS);
  });
});

test('neighbour walks round both ends', () => {
  const rooms = ['a', 'b', 'c'];
  assert.deepEqual([neighbour(rooms, 'c', 1), neighbour(rooms, 'a', -1), neighbour(rooms, 'a', 1)], ['a', 'c', 'b']);
  assert.equal(neighbour(['a'], 'a', 1), 'a');
  assert.equal(neighbour(rooms, 'gone', 1), 'gone');
  assert.equal(neighbour([], 'a', 1), 'a');
});

describe('RoomBook', () => {
  test('opens each room once, in order, and sums what is unread', () => {
    const book = new RoomBook();
    const lobby = book.open('lobby');
    const chat = book.open('chat');
    assert.ok(lobby !== undefined && chat !== undefined);
    assert.equal(book.open('lobby'), lobby);
    lobby.unread = 2;
    chat.unread = 3;
    assert.deepEqual([book.names, book.unread], [['lobby', 'chat'], 5]);
    book.close('lobby');
    assert.deepEqual([book.names, book.unread, book.get('lobby')], [['chat'], 3, undefined]);
  });

  test('refuses one room too many, and takes it when another was left', () => {
    const book = new RoomBook();
    for (let index = 0; index < MAX_ROOMS; index++) book.open(`room ${index}`);
    assert.equal(book.open('one more'), undefined);
    assert.notEqual(book.open('room 0'), undefined);
    book.close('room 1');
    assert.notEqual(book.open('one more'), undefined);
  });

  test('bounds what a room remembers', () => {
    const room = new RoomBook().open('chat');
    assert.ok(room !== undefined);
    const message = { kind: 'line', author: '', authorKey: '', atMs: 0, own: false } as const;
    for (let index = 0; index < 10_000; index++) room.messages.push({ ...message, text: `line ${index}` });
    assert.equal(room.messages.length, MAX_MESSAGES);
    assert.equal(room.messages.at(9_999)?.text, 'line 9999');
    for (let index = 0; index < 100; index++) room.messages.push({ ...message, text: 'x'.repeat(60_000) });
    assert.equal(room.messages.length, 33);
  });
});

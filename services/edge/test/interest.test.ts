import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { javaStringHash } from '@pharos/bytes';
import { Interest } from '../src/outbound/interest.ts';
import { LiveChannel } from '../src/outbound/live-channel.ts';
import type { LaneFeed } from '../src/outbound/lane-feed.ts';
import { cursorAt } from './support/fakes.ts';

const feed = undefined as unknown as LaneFeed;
const channel = (name: string): LiveChannel => new LiveChannel(name, feed, 1);

/** What a message with this key is handed to. */
function found(interest: Interest, place: Parameters<typeof cursorAt>[0]): LiveChannel | undefined {
  const cursor = cursorAt(place);
  return interest.find(cursor, cursor.keyHash());
}

/** All strings of `length` pairs of `Aa` and `BB`: one hash for all of them. */
function colliding(length: number): string[] {
  let names = [''];
  for (let index = 0; index < length; index++) names = names.flatMap((name) => [`${name}Aa`, `${name}BB`]);
  return names;
}

describe('which channels of a lane somebody wants', () => {
  test('names that collide are told apart, in every order of coming and going', () => {
    const names = colliding(4);
    assert.equal(new Set(names.map(javaStringHash)).size, 1);
    const interest = new Interest();
    const channels = new Map(names.map((name) => [name, channel(name)]));
    const [absent = '', ...present] = names;
    for (const name of present) interest.add(channels.get(name) as LiveChannel);
    for (const name of present) {
      assert.equal(found(interest, { key: name }), channels.get(name));
      assert.equal(interest.get(name), channels.get(name));
    }
    assert.equal(found(interest, { key: absent }), undefined);
    assert.equal(interest.get(absent), undefined);
    assert.deepEqual([...interest.channels()].map(({ name }) => name).sort(), [...present].sort());
    for (const name of present) interest.remove(channels.get(name) as LiveChannel);
    assert.equal(interest.size, 0);
    for (const name of names) assert.equal(found(interest, { key: name }), undefined);
  });

  test('one channel alone does not answer for a name that collides with it', () => {
    const interest = new Interest();
    interest.add(channel('Aa'));
    assert.equal(found(interest, { key: 'BB' }), undefined);
    assert.equal(interest.get('BB'), undefined);
    interest.remove(channel('BB'));
    assert.equal(interest.size, 1);
  });

  test('a message without a key belongs to the default channel', () => {
    const interest = new Interest();
    const chat = channel('chat');
    interest.add(chat);
    assert.equal(found(interest, {}), chat);
    assert.equal(found(interest, { key: 'chat' }), chat);
    interest.remove(chat);
    assert.equal(found(interest, {}), undefined);
  });

  test('it is a map of names, whatever the names are', () => {
    const name = fc.oneof(fc.constantFrom(...colliding(2), 'chat', '__proto__'), fc.string({ unit: 'binary' }));
    const step = fc.record({ add: fc.boolean(), name });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const interest = new Interest();
        const model = new Map<string, LiveChannel>();
        for (const { add, name } of steps) {
          const known = model.get(name);
          if (add && known === undefined) {
            const added = channel(name);
            model.set(name, added);
            interest.add(added);
          } else if (!add && known !== undefined) {
            model.delete(name);
            interest.remove(known);
          }
          assert.equal(interest.size, model.size);
          assert.equal(interest.get(name), model.get(name));
          if (name.isWellFormed()) assert.equal(found(interest, { key: name }), model.get(name));
        }
        assert.deepEqual(new Set(interest.channels()), new Set(model.values()));
      }),
      { numRuns: 200 },
    );
  });
});

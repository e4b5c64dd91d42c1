import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeControl,
  decodeInbox,
  decodeNode,
  decodeRevocation,
  encodeInbox,
  encodeMessage,
  sessionDigest,
} from '../src/message.ts';
import { Revocations } from '../src/revocations.ts';

const byId = (tokenId: string, until: number) => ({ tokenId, user: '', issuedBefore: 0, until });
const byUser = (user: string, issuedBefore: number, until: number) => ({ tokenId: '', user, issuedBefore, until });

describe('revocations', () => {
  test('a token by its id, and those of a user by when they were issued', () => {
    const revocations = new Revocations(() => 100_000);
    revocations.add(byId('stolen', 500));
    revocations.add(byUser('ann', 90, 500));
    const token = (user: string, id: string, issuedAt?: number) => revocations.isRevoked({ user, id, issuedAt });
    assert.equal(token('bob', 'stolen', 99), true);
    assert.equal(token('bob', 'other', 99), false);
    assert.equal(token('ann', '', 89), true);
    assert.equal(token('ann', '', 90), false);
    assert.equal(token('ann', ''), true, 'nobody knows when');
    assert.equal(token('', '', 1), false);
  });

  test('in any order the latest time holds, and they are forgotten when they are over', () => {
    let now = 100;
    const revocations = new Revocations(() => now * 1_000);
    revocations.add(byUser('ann', 90, 300));
    revocations.add(byUser('ann', 50, 200));
    assert.equal(revocations.isRevoked({ user: 'ann', id: '', issuedAt: 80 }), true);
    revocations.add(byId('over', 99));
    assert.equal(revocations.isRevoked({ user: '', id: 'over', issuedAt: 1 }), false);
    now = 301;
    revocations.add(byId('b', 400));
    assert.equal(revocations.size, 1);
  });
});

describe('messages of control topics', () => {
  const target = { user: 'ann', client: '', session: sessionDigest('secret') };

  test('come out as they went in', () => {
    const since = { offset: 2 ** 53 - 1, epoch: 'e.1' };
    for (const message of [
      { do: 'disconnect', target, code: 3503, reason: 'é', whitelist: ['c'] },
      { do: 'unsubscribe', target, channel: 'a' },
      { do: 'subscribe', target, channel: 'a', info: '{"n":1.0}', data: '', expireAt: 5, since, override: {} },
      {
        ...({ do: 'subscribe', target, channel: 'a', info: '', data: '', expireAt: 0, since } as const),
        override: { presence: false, forceRecovery: true },
      },
      { do: 'refresh', target, expired: true, expireAt: 0, info: '' },
      { do: 'edge', node: 'n', here: true, key: 'k'.repeat(43) },
      { do: 'edge', node: 'older', here: false, key: '' },
      { do: 'ask', id: 'i', what: 'channels', pattern: 'a*', user: '' },
    ] as const) {
      assert.deepEqual(decodeControl(encodeMessage(message)), message);
    }
    for (const message of [
      { say: 'here', node: 'n' },
      { say: 'answer', node: 'n', id: 'i', partial: true, body: '{}' },
    ] as const) {
      assert.deepEqual(decodeNode(encodeMessage(message)), message);
    }
    assert.deepEqual(decodeRevocation(encodeMessage(byId('t', 5))), byId('t', 5));
    for (const message of [
      { put: 'commands', id: 1, from: 'n', session: 's', data: Buffer.from([0, 255, 34, 10]) },
      { put: 'taken', id: 2 ** 50, known: true },
    ] as const) {
      assert.deepEqual(decodeInbox(encodeInbox(message)), message);
    }
  });

  test('what is none is none, and a command about nobody is not one about all', () => {
    for (const text of [
      '',
      '[]',
      '{"do":"dance"}',
      '{"do":"disconnect","target":{}}',
      '{"do":"disconnect"}',
      '{"do":1}',
      '{"do":"ask","what":"x"}',
      '{"do":"edge","node":"n","here":true,"key":"short"}',
      `{"do":"subscribe","target":{"user":"ann"},"override":{"presence":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`,
    ]) {
      assert.equal(decodeControl(Buffer.from(text)), undefined, text.slice(0, 100));
    }
    assert.equal(decodeControl(Buffer.from('{"do":"edge"}')), undefined);
    const older = decodeControl(Buffer.from('{"do":"edge","node":"n","here":true}'));
    assert.deepEqual(older, { do: 'edge', node: 'n', here: true, key: '' });
    assert.equal(decodeInbox(Buffer.from('{"put":"commands","id":1}')), undefined);
    assert.equal(decodeInbox(Buffer.from('{"put":"taken","id":"x"}')), undefined);
    assert.equal(decodeNode(Buffer.from('{"say":"here"}')), undefined);
    assert.equal(decodeRevocation(Buffer.from('{"until":5}')), undefined);
    assert.equal(decodeRevocation(Buffer.from('{"tokenId":"t","user":"u"}')), undefined);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeConnection } from '../../page/src/connection.ts';
import { describePublishError, MAX_OUTGOING, messageBytes, Outbox } from '../../page/src/outbox.ts';

describe('describeConnection', () => {
  test('says nothing more while all is well', () => {
    assert.deepEqual(describeConnection({ phase: 'connected' }, 0), { label: 'Connected' });
    assert.deepEqual(describeConnection({ phase: 'connecting' }, 0), { label: 'Connecting…' });
  });

  test('says why and for how long it reconnects', () => {
    const state = { phase: 'reconnecting', sinceMs: 1_000, reason: 'no ping', everConnected: true } as const;
    assert.deepEqual(describeConnection(state, 13_400), {
      label: 'Reconnecting…',
      detail: 'Connection lost (no ping). Trying again for 12 s.',
      action: 'Try now',
    });
    const never = describeConnection({ ...state, everConnected: false }, 1_000);
    assert.equal(never.detail, 'The server can’t be reached. Trying again for 0 s.');
  });

  test('gives reason and code of a final close', () => {
    const text = describeConnection({ phase: 'disconnected', code: 3500, reason: 'invalid token' }, 0);
    assert.deepEqual(text, {
      label: 'Disconnected',
      detail: 'The connection has ended: invalid token (code 3500).',
      action: 'Connect again',
    });
  });
});

describe('Outbox', () => {
  test('keeps a failed message until it is discarded', () => {
    const outbox = new Outbox();
    const first = outbox.add('chat', 'a');
    const second = outbox.add('lobby', 'b');
    outbox.fail(first.id, 'why');
    assert.deepEqual(outbox.of('chat'), [{ id: first.id, room: 'chat', text: 'a', state: 'failed', problem: 'why' }]);
    assert.deepEqual(outbox.of('lobby'), [second]);
    outbox.remove(first.id);
    assert.deepEqual(outbox.of('chat'), []);
    outbox.fail(first.id, 'too late');
    assert.equal(outbox.get(first.id), undefined);
  });

  test('is bounded', () => {
    const outbox = new Outbox();
    for (let index = 0; index < MAX_OUTGOING; index++) outbox.add(index % 2 === 0 ? 'a' : 'b', 'x');
    assert.equal(outbox.isFull, true);
    assert.throws(() => outbox.add('a', 'x'), /holds 20 messages already/);
    outbox.removeRoom('a');
    assert.equal(outbox.isFull, false);
    assert.equal(outbox.of('b').length, MAX_OUTGOING / 2);
  });
});

describe('describePublishError', () => {
  test('says where the outcome is unknown that sending again may send twice', () => {
    for (const code of [1, 2, 3, 11, 100]) {
      assert.match(describePublishError({ code, message: 'timeout' }), /\(timeout\).*may have been sent.*twice/);
    }
  });

  test('says plainly where nothing was sent', () => {
    for (const [code, words] of [
      [103, /may not write/],
      [111, /too many/],
      [107, /bad request \(code 107\)/],
    ] as const) {
      const text = describePublishError({ code, message: 'bad request' });
      assert.match(text, /^Not sent/);
      assert.match(text, words);
    }
  });

  test('takes anything that was thrown', () => {
    assert.equal(describePublishError('odd'), 'Not sent: odd (code 0).');
    assert.equal(describePublishError(null), 'Not sent: null (code 0).');
    assert.equal(describePublishError({}), 'Not sent: unknown error (code 0).');
  });
});

test('messageBytes counts bytes of JSON, not characters', () => {
  assert.equal(messageBytes('A', 'é\n'), Buffer.byteLength('{"name":"A","text":"é\\n"}'));
});

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { SecondLook } from '../src/consumer/second-look.ts';
import { MessageId } from '../src/message-id.ts';
import { follow, startTopic } from './support/entries.ts';

function newLook(t: TestContext): { look: SecondLook; looks: () => number } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let count = 0;
  const look: SecondLook = new SecondLook(() => {
    count++;
    look.lost();
    look.attached();
  });
  return { look, looks: () => count };
}

test('whoever was sent away, is back and hears nothing looks again, once', (t) => {
  const { look, looks } = newLook(t);
  look.attached();
  t.mock.timers.tick(10_000);
  assert.equal(looks(), 0, 'it was never sent away');
  look.lost();
  look.attached();
  t.mock.timers.tick(999);
  assert.equal(looks(), 0);
  t.mock.timers.tick(1);
  assert.equal(looks(), 1);
  t.mock.timers.tick(10_000);
  assert.equal(looks(), 1, 'its own look is no reason for another');
  look.lost();
  look.attached();
  t.mock.timers.tick(1_000);
  assert.equal(looks(), 2, 'sent away once more');
});

test('who hears something, is sent away again or is over does not look', (t) => {
  const { look, looks } = newLook(t);
  look.lost();
  look.attached();
  look.heard();
  t.mock.timers.tick(10_000);
  look.lost();
  look.attached();
  look.lost();
  t.mock.timers.tick(10_000);
  assert.equal(looks(), 0);
});

for (const [domain, looks] of [
  ['persistent', 1],
  // What is published while it looks would never come.
  ['non-persistent', 0],
] as const) {
  test(`a ${domain} topic that sent its consumer away: ${looks} looks`, async (t) => {
    const scripted = await startTopic(t);
    const topic = `${domain}://public/default/chat`;
    const { events } = await follow(scripted.client, { topic, startMessageId: MessageId.earliest() });
    const { command, peer } = await scripted.subscription(1);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    peer.say({ type: 'closeConsumer', command: { consumerId: command.consumerId, requestId: 0 } });
    await events.waitFor(({ type }) => type === 'disconnected', 'being sent away');
    t.mock.timers.tick(20);
    await scripted.subscription(2);
    t.mock.timers.tick(1000);
    peer.say({ type: 'ping', command: {} });
    await scripted.broker.hear('pong');
    assert.equal(scripted.broker.heard('closeConsumer').length, looks);
    t.mock.timers.reset();
  });
}

// The short form of `npm run chaos -- hostile`: a real edge, hostile clients, and a well-behaved one that must notice nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { unavailable } from '@pharos/testkit';

import type { Held } from '../bench/hostile/heap.ts';
import { attacks, Siege } from '../bench/hostile/siege.ts';

/** Of what the edge held after each kind of attack had come once. */
const mostGrowth = 1.5;

describe('hostile clients', { skip: unavailable('pulsar'), timeout: 600_000 }, () => {
  let siege: Siege;
  let warm: Held;

  before(async () => {
    siege = await Siege.begin();
  });

  for (const attack of attacks) {
    test(`${attack.name}: each is answered or ended, and leaves nothing behind`, async (context) => {
      const counts = await siege.suffer(attack, 1);
      for (const [name, count] of Object.entries(counts)) context.diagnostic(`${name}: ${count}`);
    });
  }

  test('all of it once more: no growth', async (context) => {
    warm = await siege.held();
    // Slow ones take their time, and were looked at above.
    for (const attack of attacks) if (!attack.name.startsWith('slow')) await siege.suffer(attack, 1);
    const held = await siege.held();
    context.diagnostic(`heap ${warm.heapBytes} and ${held.heapBytes} bytes`);
    assert.ok(held.heapBytes < mostGrowth * warm.heapBytes, `${warm.heapBytes}, then ${held.heapBytes} bytes`);
    assert.ok(held.descriptors <= warm.descriptors + 5, `${warm.descriptors}, then ${held.descriptors} descriptors`);
  });

  after(async () => {
    // No crash, no leak, and the witness has everything once, in order.
    assert.ok((await siege.end()) > 0);
  });
});

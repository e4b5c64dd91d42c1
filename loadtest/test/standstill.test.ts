import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Crowd } from '../bench/clients/crowd.ts';
import { Endpoints } from '../bench/clients/endpoints.ts';
import { ClientRecord } from '../bench/clients/record.ts';
import { StandstillWatch } from '../bench/clients/standstill.ts';

test('a process that does nothing for a while knows when that was', () => {
  const watch = new StandstillWatch({ leastMs: 20, tickMs: 1 });
  const fromMs = Date.now();
  while (Date.now() - fromMs < 40);
  const toMs = Date.now();
  const covers = watch.stretches.some((one) => one.fromMs <= fromMs && one.toMs >= toMs);
  assert.ok(covers, JSON.stringify({ fromMs, toMs, stretches: watch.stretches }));
});

test('while the checker goes through what clients saw they are served: a ping that waits for minutes’ worth of records cuts them off', async () => {
  const clients = 20;
  const crowd = new Crowd(new Endpoints(), ({ clients: specs }, index) => {
    const record = new ClientRecord(specs[index]?.name ?? '', ['room']);
    record.subscribed('room', `m${index}`, 'edge', {
      ...{ offset: 0, epoch: 'e', recoverable: true, wasRecovering: false, recovered: false },
    });
    return { record, goHome: () => undefined, close: () => undefined };
  });
  const specs = Array.from({ length: clients }, (_, index) => ({ name: `c${index}`, channels: ['room'] }));
  await crowd.commands.open({ endpoints: ['edge'], clients: specs, joinLeave: false, timeoutMs: 10_000 });
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  turn();
  const summary = await crowd.commands.verify({
    truths: [{ channel: 'room', epoch: 'e', entries: [] }],
    complete: true,
  });
  assert.deepEqual([summary.streams, summary.faultCount], [clients, 0]);
  assert.ok(turns >= clients, `${turns} turns of the event loop`);
  isOver = true;
});

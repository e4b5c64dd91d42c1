import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolClient } from './support/clients.ts';
import { FaultyBus } from './support/faulty-bus.ts';
import { metric } from './support/metrics.ts';
import { memoryWorld, startEdge } from './support/world.ts';

test('a client that is ahead is told to try again where the log can not be asked for its end', async (t) => {
  const world = memoryWorld();
  const bus = new FaultyBus(world.bus());
  const edge = await startEdge(t, world, { bus });
  const client = await ProtocolClient.connect(t, edge);
  const reply = await client.subscribe('room', { recoverable: true });
  const { epoch } = reply['subscribe'] as { epoch: string };
  bus.attaches.fail('unreachable');
  const ahead = { channel: 'room', recover: true, recoverable: true, epoch, offset: 7 };
  const other = await ProtocolClient.connect(t, edge);
  assert.equal(await other.errorOf({ subscribe: ahead }), 100);
  assert.equal(await metric(edge, 'pharos_edge_command_errors_total', { code: '100' }), 1);
  bus.attaches.pass();
  // The log ends before it: subscribed, and not recovered.
  const result = (await other.call({ subscribe: ahead }))['subscribe'] as { was_recovering: boolean; recovered?: true };
  assert.deepEqual([result.was_recovering, result.recovered], [true, undefined]);
});

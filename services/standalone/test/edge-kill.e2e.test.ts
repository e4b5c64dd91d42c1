import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { freePort, sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { type EdgeProcess, localName, startEdge } from './support/edge-process.ts';
import { MovingClient } from './support/moving-client.ts';
import { type PulsarAddress, produce } from './support/processes.ts';
import { numberedLines, ofRun, tally } from './support/tally.ts';

const clientsPerEdge = 10;
const lineCount = 8_000;
const linesPerSecond = 1_000;

describe('kill -9 of an edge under load', { skip: unavailable('pulsar'), timeout: 300_000 }, () => {
  const topic = uniqueTopic('edge-kill');
  // Who is away for a second misses a thousand lines.
  const env = {
    PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '100000',
    PHAROS_CLIENT_RECOVERY_MAX_PUBLICATION_LIMIT: '100000',
  };
  let pulsar: PulsarAddress;
  let edges: EdgeProcess[];

  before(async () => {
    pulsar = await sharedPulsar();
    const ports = [await freePort(), await freePort()];
    edges = await Promise.all(ports.map((port) => startEdge({ pulsar, topic, port, env })));
  });

  after(() => Promise.all(edges.map((edge) => edge.stop())));

  test('each of two in turn: its clients go on at the other one; every line once, in order', async (context) => {
    const urls = edges.map(({ sdkUrl }) => sdkUrl);
    const clients = Array.from(
      { length: 2 * clientsPerEdge },
      (_, index) => new MovingClient(`client ${index}`, urls, index, localName(topic)),
    );
    context.after(() => {
      for (const client of clients) client.disconnect();
    });
    await Promise.all(clients.map(({ subscribed }) => subscribed.waitForCount(1)));
    const lines = numberedLines('edges', lineCount);
    const producing = produce(pulsar, topic, lines, '--rate', String(linesPerSecond));

    for (const [index, atLine] of [2_000, 5_000].entries()) {
      await Promise.all(clients.map((client) => client.lines.waitForCount(atLine, 60_000)));
      const killed = edges[index] as EdgeProcess;
      await killed.process.kill();
      // Everybody is with the other one now. The killed one comes back, so that the next have somewhere to go.
      edges[index] = await startEdge({ pulsar, topic, port: killed.port, env });
    }
    await producing;
    await Promise.all(clients.map((client) => client.lines.waitForCount(lineCount, 60_000)));

    const clean = { lost: 0, duplicated: 0, outOfOrder: 0, strange: 0 };
    for (const client of clients)
      assert.deepEqual(tally(lines, ofRun('edges', client.lines.items)), clean, client.name);
    const resumes = clients.flatMap(({ subscribed }) => subscribed.items.slice(1));
    context.diagnostic(`${clients.length} clients, ${lines.length} lines each, ${resumes.length} resumes`);
    // The second edge to die had all of them.
    assert.ok(resumes.length >= 3 * clientsPerEdge, `${resumes.length} resumes`);
    assert.ok(resumes.every(({ wasRecovering, recovered }) => wasRecovering && recovered));
  });
});

// Writes publications to a Pulsar topic, so that publishing costs the server under test nothing.
import { Client, type Producer } from '@pharos/pulsar-client';

import { serveCommands } from '../frame/commands.ts';
import { pace, type Paced } from '../frame/pacer.ts';
import { payload } from '../frame/payload.ts';
import { benchChannel, type PublisherCommands } from '../frame/roles.ts';

let client: Client | undefined;
let producer: Producer | undefined;

async function start({ serviceUrl, topic }: Parameters<PublisherCommands['start']>[0]): Promise<void> {
  client = new Client({ serviceUrl });
  // A delay would gather publications of an even rate into batches, and the edge would send each batch as one frame.
  producer = await client.createProducer({ topic, batchingMaxPublishDelayMs: 0 });
}

async function publish({ load, payloadBytes }: Parameters<PublisherCommands['publish']>[0]): Promise<Paced> {
  const to = producer;
  if (to === undefined) throw new Error('publish comes after start');
  const sent: Promise<unknown>[] = [];
  const paced = await pace(load, (sequence) => {
    const acknowledged = to.send({ data: payload(sequence, payloadBytes), partitionKey: benchChannel });
    // Its failure is seen below, when all have gone out; until then it must not pass for one that nobody looks at.
    acknowledged.catch(() => undefined);
    sent.push(acknowledged);
  });
  await Promise.all(sent);
  return paced;
}

const commands: PublisherCommands = { start, publish };
await serveCommands(commands);
await client?.close();
process.exit();

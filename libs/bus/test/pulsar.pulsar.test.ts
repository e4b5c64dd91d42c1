import { Client } from '@pharos/pulsar-client';
import { unavailable, uniqueTopic } from '@pharos/testkit';
import { busConformance } from './conformance.ts';
import { startRig } from './pulsar-rig.ts';

for (const tailSubscription of ['failover', 'exclusive'] as const) {
  busConformance(`pulsar (${tailSubscription} tails)`, { skip: unavailable('pulsar') }, async () => {
    const rig = await startRig();
    const plain = new Client({ serviceUrl: rig.server.serviceUrl });
    return {
      newBus: async (options) => rig.newBus({ ...options, tailSubscription }),
      uniqueTopic: (hint) => uniqueTopic(hint).split('/').at(-1) as string,
      inject: async (topic, lane, message) => {
        const partitioned = (await plain.getPartitionsForTopic(topic)).length > 1;
        const producer = await plain.createProducer({ topic: partitioned ? `${topic}-partition-${lane}` : topic });
        await producer.send({
          data: message.data,
          ...(message.key === undefined ? {} : { partitionKey: message.key }),
          ...(message.properties === undefined ? {} : { properties: { ...message.properties } }),
        });
        await producer.close();
      },
      interrupt: async () => {
        rig.proxy.refuse();
        rig.proxy.cutAll();
        return () => rig.proxy.accept();
      },
      close: async () => {
        await plain.close();
        await rig.close();
      },
    };
  });
}

import { MemoryBroker, MemoryBus } from '@pharos/bus';
import { busConformance } from './conformance.ts';

busConformance('memory', { skip: false }, async () => {
  const broker = new MemoryBroker();
  let topics = 0;
  return {
    newBus: async (options) => new MemoryBus(broker, options),
    uniqueTopic: (hint) => `${hint}-${topics++}`,
    inject: async (topic, lane, message) => {
      await broker.inject(topic, lane, message);
    },
    interrupt: async () => {
      broker.setConnected(false);
      return async () => broker.setConnected(true);
    },
    close: async () => undefined,
  };
});

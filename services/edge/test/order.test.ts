import { describe } from 'node:test';
import { orderScenarios } from './scenarios/order.ts';
import { memoryWorld, socketServers } from './support/world.ts';

for (const socket of socketServers) {
  describe(`order while subscribing on ${socket}`, () => orderScenarios(memoryWorld, socket, 40));
}

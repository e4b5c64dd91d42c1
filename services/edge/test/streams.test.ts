import { describe } from 'node:test';
import { streamScenarios } from './scenarios/streams.ts';
import { memoryWorld, socketServers } from './support/world.ts';

for (const socket of socketServers) {
  describe(`SSE and HTTP streaming on ${socket}`, () => streamScenarios(memoryWorld, socket));
}

import { describe } from 'node:test';
import { slowScenarios } from './scenarios/slow.ts';
import { memoryWorld, socketServers } from './support/world.ts';

for (const socket of socketServers) describe(`slow clients on ${socket}`, () => slowScenarios(memoryWorld, socket));

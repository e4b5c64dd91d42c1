import { describe } from 'node:test';
import { recoveryScenarios } from './scenarios/recovery.ts';
import { memoryWorld, socketServers } from './support/world.ts';

for (const socket of socketServers) describe(`recovery on ${socket}`, () => recoveryScenarios(memoryWorld, socket));

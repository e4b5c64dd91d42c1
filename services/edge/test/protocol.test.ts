import { describe } from 'node:test';
import { protocolScenarios } from './scenarios/protocol.ts';
import { memoryWorld, socketServers } from './support/world.ts';

for (const socket of socketServers) describe(`the protocol on ${socket}`, () => protocolScenarios(memoryWorld, socket));

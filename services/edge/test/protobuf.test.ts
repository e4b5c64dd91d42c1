import { describe } from 'node:test';
import { protobufScenarios } from './scenarios/protobuf.ts';
import { memoryWorld, socketServers } from './support/world.ts';

for (const socket of socketServers) describe(`Protobuf on ${socket}`, () => protobufScenarios(memoryWorld, socket));

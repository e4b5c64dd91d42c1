import { describe } from 'node:test';
import { sdkScenarios } from './scenarios/sdk.ts';
import { memoryWorld, socketServers } from './support/world.ts';

for (const socket of socketServers) describe(`the official SDK on ${socket}`, () => sdkScenarios(memoryWorld, socket));

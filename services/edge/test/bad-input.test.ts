import { describe } from 'node:test';
import { badInputScenarios } from './scenarios/bad-input.ts';
import { memoryWorld, socketServers } from './support/world.ts';

for (const socket of socketServers) describe(`bad input on ${socket}`, () => badInputScenarios(memoryWorld, socket));

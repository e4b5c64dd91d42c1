import { describe } from 'node:test';
import { chatScenarios } from './scenarios/chat.ts';
import { memoryWorld, socketServers } from './support/world.ts';

for (const socket of socketServers) describe(`plain-text chat on ${socket}`, () => chatScenarios(memoryWorld, socket));

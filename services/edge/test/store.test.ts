import { describe, type TestContext } from 'node:test';
import { MemoryHistory } from '@pharos/history';
import { historyScenarios } from './scenarios/history.ts';
import { storeScenarios } from './scenarios/store.ts';
import { Emptiable } from './support/emptiable.ts';
import type { TestStore } from './support/store-setting.ts';
import { memoryWorld } from './support/world.ts';

function memoryStore(_t: TestContext): Promise<TestStore> {
  const history = new Emptiable(() => new MemoryHistory());
  return Promise.resolve({ history, flush: () => Promise.resolve(history.empty()) });
}

describe('recovery from the store, in memory', () => storeScenarios(() => memoryWorld(), memoryStore));
describe('history from ring and store, in memory', () => historyScenarios(() => memoryWorld(), memoryStore));

import { describe } from 'node:test';
import { createSocketServer } from '../src/index.ts';
import { socketServerConformance } from './conformance/conformance.ts';

describe('ws adapter', () => {
  socketServerConformance((options) =>
    createSocketServer({
      ...options,
      implementation: 'ws',
      onWarning: (message) => {
        throw new Error(message);
      },
    }),
  );
});

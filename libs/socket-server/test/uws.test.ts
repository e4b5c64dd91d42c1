import { describe } from 'node:test';
import { createSocketServer } from '../src/index.ts';
import { socketServerConformance } from './conformance/conformance.ts';

describe('uws adapter', () => {
  socketServerConformance((options) =>
    createSocketServer({
      ...options,
      implementation: 'uws',
      onWarning: (message) => {
        throw new Error(message);
      },
    }),
  );
});

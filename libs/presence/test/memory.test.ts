import { MemoryPresence } from '@pharos/presence';
import { presenceConformance } from './conformance.ts';

presenceConformance('memory', { skip: false }, () =>
  Promise.resolve({ newStore: () => new MemoryPresence(), close: () => Promise.resolve() }),
);

import { historyConformance } from './conformance.ts';
import { MemoryRig } from './memory-rig.ts';

historyConformance('memory', { skip: false }, () => Promise.resolve(new MemoryRig()));

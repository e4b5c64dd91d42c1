import { clientCases } from './cases/clients.ts';
import { messageCases } from './cases/messages.ts';
import { processCases } from './cases/processes.ts';
import type { AlertCase } from './cases/samples.ts';

export const alertCases: readonly AlertCase[] = [...processCases, ...clientCases, ...messageCases];

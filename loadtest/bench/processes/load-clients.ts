// Clients and publishers of a load test.
import { serveCommands } from '../frame/commands.ts';
import { askOnce } from '../load/clients/ask-once.ts';
import type { LoadCommands } from '../load/clients/commands.ts';
import { LoadCrowd } from '../load/clients/load-crowd.ts';

const commands: LoadCommands = { ...new LoadCrowd().commands, ask: askOnce };
await serveCommands(commands);
process.exit();

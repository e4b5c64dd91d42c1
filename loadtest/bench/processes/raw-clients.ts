// Clients that speak the protocol by hand, thousands in one process, for runs that the checker judges.
import type { RawCommands } from '../clients/commands.ts';
import { Crowd } from '../clients/crowd.ts';
import { cut } from '../clients/cut.ts';
import { Endpoints } from '../clients/endpoints.ts';
import { RawClient } from '../clients/raw-client.ts';
import { serveCommands } from '../frame/commands.ts';

const endpoints = new Endpoints();
const crowd = new Crowd(endpoints, ({ clients, joinLeave }, index) => {
  const { name, channels } = clients[index] as (typeof clients)[number];
  return new RawClient(name, channels, endpoints, index, joinLeave);
});
const commands: RawCommands = { ...crowd.commands, cut: (params) => cut(crowd.clients, endpoints, params) };
await serveCommands(commands);
process.exit();

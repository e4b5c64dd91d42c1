// Clients that speak the protocol by hand, thousands in one process, for runs that the checker judges.
import type { ClientCommands } from '../clients/commands.ts';
import { Crowd } from '../clients/crowd.ts';
import { Endpoints } from '../clients/endpoints.ts';
import { RawClient } from '../clients/raw-client.ts';
import { serveCommands } from '../frame/commands.ts';

const endpoints = new Endpoints();
const crowd = new Crowd(endpoints, ({ clients, joinLeave }, index) => {
  const { name, channels } = clients[index] as (typeof clients)[number];
  return new RawClient(name, channels, endpoints, index, joinLeave);
});
const commands: ClientCommands = crowd.commands;
await serveCommands(commands);
process.exit();

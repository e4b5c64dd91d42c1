// Clients that speak the protocol by hand, thousands in one process, for runs that the checker judges.
import type { RawCommands } from '../clients/commands.ts';
import { Crowd } from '../clients/crowd.ts';
import { Cut } from '../clients/cut.ts';
import { Endpoints } from '../clients/endpoints.ts';
import { RawClient } from '../clients/raw-client.ts';
import { serveCommands } from '../frame/commands.ts';

const endpoints = new Endpoints();
const crowd = new Crowd(endpoints, ({ clients, joinLeave }, index) => {
  const { name, channels } = clients[index] as (typeof clients)[number];
  return new RawClient(name, channels, endpoints, index, joinLeave);
});
let cut: Cut | undefined;

const commands: RawCommands = {
  ...crowd.commands,
  cutOff: ({ share, endpoints: urls }) => {
    if (urls !== undefined) endpoints.set(urls);
    cut = new Cut(crowd.clients.slice(0, Math.ceil(crowd.clients.length * share)));
    return Promise.resolve();
  },
  comeBack: () => {
    if (cut === undefined) throw new Error('nobody was cut off');
    return cut.end();
  },
};
await serveCommands(commands);
process.exit();

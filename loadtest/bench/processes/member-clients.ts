// Members of channels by WebSockets, as many as a process has descriptors.
import type { MemberCommands } from '../clients/commands.ts';
import { Membership } from '../clients/membership.ts';
import { bySocket } from '../clients/socket-link.ts';
import { serveCommands } from '../frame/commands.ts';

/** Below those that the system gives away. */
const firstPort = 10_000;
const lastPort = 32_000;

const membership = new Membership();
let nextPort = firstPort;

function takePort(): number {
  if (nextPort > lastPort) nextPort = firstPort;
  return nextPort++;
}

const commands: MemberCommands = {
  enter: ({ urls, localAddress, ...entrants }) =>
    membership.enter(entrants, (index) =>
      bySocket({ url: urls[index % urls.length] as string, localAddress, localPort: takePort() }),
    ),
  count: () => membership.count(),
  leave: () => membership.leave(),
};
await serveCommands(commands);
process.exit();

// Members of channels, as many as a process has descriptors.
import type { MemberCommands } from '../clients/commands.ts';
import { Member } from '../clients/member.ts';
import { userToken } from '../clients/token.ts';
import { serveCommands } from '../frame/commands.ts';

/** Members that are on their way in at a time: a listener's queue holds 512, and several processes share it. */
const maxEntering = 48;

/** Below those that the system gives away. */
const firstPort = 10_000;
const lastPort = 32_000;

const members = new Set<Member>();
let lost = 0;
let nextPort = firstPort;

function takePort(): number {
  if (nextPort > lastPort) nextPort = firstPort;
  return nextPort++;
}

/** A machine that is busy with everybody else's coming may keep one waiting for longer than the edge does. */
const maxTries = 5;

async function enter(params: Parameters<MemberCommands['enter']>[0]): Promise<{ retries: number }> {
  const { urls, channel, users, secret, localAddress } = params;
  let next = params.from;
  let retries = 0;
  const enterAs = async (index: number): Promise<void> => {
    const member: Member = new Member({
      url: urls[index % urls.length] as string,
      token: userToken(`user-${index % users}`, secret),
      channel,
      localAddress,
      localPort: takePort(),
      onLost: () => {
        lost++;
        members.delete(member);
      },
    });
    await member.entered;
    members.add(member);
  };
  const work = async (): Promise<void> => {
    while (next < params.to) {
      const index = next++;
      for (let turn = 1; ; turn++) {
        try {
          await enterAs(index);
          break;
        } catch (error) {
          if (isTaken(error)) {
            turn--;
            continue;
          }
          if (turn === maxTries) throw error;
          retries++;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: maxEntering }, work));
  return { retries };
}

/** A connection of an earlier run may still hold its port for a minute. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

const commands: MemberCommands = {
  enter,
  count: () => ({ present: members.size, lost }),
  leave: () => {
    for (const member of members) member.leave();
    members.clear();
  },
};
await serveCommands(commands);
process.exit();

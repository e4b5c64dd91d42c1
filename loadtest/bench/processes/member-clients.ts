// Members of channels, as many as a process has descriptors.
import type { MemberCommands } from '../clients/commands.ts';
import { Member } from '../clients/member.ts';
import { userToken } from '../clients/token.ts';
import { serveCommands } from '../frame/commands.ts';

/** Members that are on their way in at a time: a listener's queue holds 512, and several processes share it. */
const maxEntering = 48;

const members = new Set<Member>();
let lost = 0;

async function enter(params: Parameters<MemberCommands['enter']>[0]): Promise<void> {
  const { urls, channel, users, secret, localAddress } = params;
  let next = params.from;
  const work = async (): Promise<void> => {
    while (next < params.to) {
      const index = next++;
      const member: Member = new Member({
        url: urls[index % urls.length] as string,
        token: userToken(`user-${index % users}`, secret),
        channel,
        localAddress,
        onLost: () => {
          lost++;
          members.delete(member);
        },
      });
      members.add(member);
      await member.entered;
    }
  };
  await Promise.all(Array.from({ length: maxEntering }, work));
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

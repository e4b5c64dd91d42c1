import type { Attendance, Entrants } from './commands.ts';
import type { OpenLink } from './link.ts';
import { Member } from './member.ts';
import { userToken } from './token.ts';

/** Members that are on their way in at a time: a listener's queue holds 512, and several processes share it. */
const maxEntering = 48;
/** A machine that is busy with everybody else's coming may keep one waiting for longer than the edge does. */
const maxTries = 5;

/** The members of one process, however they are connected. */
export class Membership {
  readonly #members = new Set<Member>();
  #lost = 0;

  /** Resolves when all are in. @param linkOf how a member connects; asked again for each attempt */
  async enter(entrants: Entrants, linkOf: (index: number) => OpenLink): Promise<{ retries: number }> {
    const { from, to, every } = entrants;
    let next = from;
    let retries = 0;
    const work = async (): Promise<void> => {
      while (next < to) {
        const index = next;
        next += every;
        for (let turn = 1; ; turn++) {
          try {
            await this.#enterAs(index, entrants, linkOf(index));
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

  count(): Attendance {
    return { present: this.#members.size, lost: this.#lost };
  }

  leave(): void {
    for (const member of this.#members) member.leave();
    this.#members.clear();
  }

  async #enterAs(index: number, { channel, users, secret }: Entrants, open: OpenLink): Promise<void> {
    const member: Member = new Member({
      open,
      token: userToken(`user-${index % users}`, secret),
      channel,
      onLost: () => {
        this.#lost++;
        this.#members.delete(member);
      },
    });
    await member.entered;
    this.#members.add(member);
  }
}

/** A connection of an earlier run may still hold its port for a minute. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

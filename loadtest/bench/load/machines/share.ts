import type { Size } from '../scenario.ts';

/** Which of how many machines this is, from 0 on, as Kubernetes counts the pods of a job. */
export interface MachineNumber {
  readonly index: number;
  readonly of: number;
}

/** More than anybody has: what is mistyped is to be an error. */
const maxMachines = 1_000;

/** @param text such as `0/3` for the first of three. @throws RangeError */
export function parseMachine(text: string): MachineNumber {
  const [, index = 0, of = 0] = /^(\d{1,4})\/(\d{1,4})$/.exec(text)?.map(Number) ?? [];
  if (index < of && of <= maxMachines) return { index, of };
  throw new RangeError(`--machine must be a number of so many, as in 0/3 for the first of three, not '${text}'`);
}

/** What channels of a machine begin with: nobody hears what the clients of another publish, so that each can tell what its own are to have. */
export function prefixOf(prefix: string, { index }: MachineNumber): string {
  return `${prefix}m${index}-`;
}

/**
 * What of the whole is this machine's: some of the channels, and of clients and publications what belongs to so many channels. The shares of all
 * machines add up to the whole. @throws RangeError where there are fewer channels, or clients, than machines
 */
export function shareOf(whole: Size, { index, of }: MachineNumber): Size {
  const { channels, clients, perSecond } = whole;
  for (const [name, count] of [
    ['--channels', channels],
    ['--clients', clients],
  ] as const) {
    if (count < of) throw new RangeError(`${name} is of all machines, and ${count} are too few for ${of}`);
  }
  const channelsBefore = (machine: number): number => Math.floor((machine * channels) / of);
  const clientsBefore = (machine: number): number => Math.floor((channelsBefore(machine) * clients) / channels);
  const own = channelsBefore(index + 1) - channelsBefore(index);
  return {
    ...whole,
    channels: own,
    clients: clientsBefore(index + 1) - clientsBefore(index),
    perSecond: (perSecond * own) / channels,
  };
}

import { eventually } from '@pharos/testkit';

export interface OpenResources {
  readonly sockets: number;
  readonly timers: number;
}

/** What keeps this process running at the moment. */
export function openResources(): OpenResources {
  const open = process.getActiveResourcesInfo();
  const count = (name: string): number => open.filter((resource) => resource === name).length;
  return { sockets: count('TCPSocketWrap'), timers: count('Timeout') };
}

/** Waits until no more sockets and timers are open than there were; throws with what is left. */
export async function untilBackTo(base: OpenResources): Promise<OpenResources> {
  let now = openResources();
  await eventually(
    () => {
      now = openResources();
      // The wait itself has a timer only between two looks.
      if (now.sockets <= base.sockets && now.timers <= base.timers) return true;
      throw new Error(`open: ${JSON.stringify(now)}, before: ${JSON.stringify(base)}`);
    },
    'return of all sockets and timers',
    30_000,
  );
  return now;
}

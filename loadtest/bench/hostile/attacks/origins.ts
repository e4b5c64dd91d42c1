import { strict as assert } from 'node:assert';

import { Attacker } from '../attacker.ts';
import { type Attack, Counter, inParallel, type Target } from '../attack.ts';

const atOnce = 10;
const perRound = 5;

/** Pages that may not connect, though some of them look like those that may. */
function foreignOrigins({ edge, origin }: Target): readonly string[] {
  const { host } = new URL(origin);
  return [
    'https://evil.example',
    'null',
    'file://',
    `https://${host}.evil.example`,
    `https://evil.example/${host}`,
    `https://evil.example#${origin}`,
    `https://evil-${host}`,
    `https://sub.${host}`,
    `https://user@${host}@evil.example`,
    `${origin}:8443`,
    `http://${host}`,
    `${origin}, https://evil.example`,
    `${origin}/`,
    `chrome-extension://${host}`,
    `http://127.0.0.1:${edge.port}.evil.example`,
    `http://127.0.0.1:${edge.port + 1}`,
    `http://localhost:${edge.port}`,
  ];
}

/** Pages of other origins: refused before anything is spent on them. */
export const origins: Attack = {
  name: 'origins',
  run: async (target, rounds) => {
    const counter = new Counter();
    const { port } = target.edge;
    const foreign = foreignOrigins(target);
    await inParallel(foreign.length * perRound * rounds, atOnce, async (index) => {
      const origin = foreign[index % foreign.length] as string;
      await assert.rejects(Attacker.open({ port, headers: { Origin: origin } }), /^Error: HTTP\/1\.1 403 /, origin);
      counter.add('refused with 403');
    });
    const welcome: readonly Readonly<Record<string, string>>[] = [
      {},
      { Origin: target.origin },
      { Origin: target.origin.toUpperCase() },
      { Origin: `http://127.0.0.1:${port}` },
    ];
    for (const headers of welcome) {
      const friend = await Attacker.open({ port, headers });
      friend.sayGoodBye();
      await friend.ended();
      counter.add('let in');
    }
    return counter.counts;
  },
};

import { strict as assert } from 'node:assert';
import { generateKeyPairSync, randomBytes } from 'node:crypto';

import { eventually } from '@pharos/testkit';

import { Rig } from '../chaos/rig.ts';
import type { ServiceNode } from '../chaos/service-node.ts';
import type { Attack, Counts, Target } from './attack.ts';
import { Attacker } from './attacker.ts';
import { bombs } from './attacks/bombs.ts';
import { jsonFrames, protobufFrames } from './attacks/frames.ts';
import { origins } from './attacks/origins.ts';
import { slowHandshakes, slowReaders } from './attacks/slow.ts';
import { subscribes } from './attacks/subscribes.ts';
import { tokens } from './attacks/tokens.ts';
import { forbidden, garbage } from './attacks/transport.ts';
import { type Held, heldBy } from './heap.ts';
import { Witness } from './witness.ts';

export const attacks: readonly Attack[] = [
  jsonFrames,
  protobufFrames,
  forbidden,
  garbage,
  slowHandshakes,
  slowReaders,
  subscribes,
  bombs,
  tokens,
  origins,
];

const origin = 'https://app.example.com';
const settleTimeoutMs = 60_000;

/** One real edge, and everything that is done to it. */
export class Siege {
  readonly target: Target;
  readonly #rig: Rig;
  readonly #pid: number;

  private constructor(rig: Rig, target: Target) {
    this.#rig = rig;
    this.target = target;
    this.#pid = target.edge.pid;
  }

  /** Resolves when the edge serves, and the witness is in its channels. */
  static async begin(): Promise<Siege> {
    const secret = randomBytes(24).toString('hex');
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const rsaPublicKey = publicKey.export({ format: 'pem', type: 'spki' }).toString();
    const rig = await Rig.start({
      edges: 1,
      history: 0,
      presence: 0,
      lanes: 1,
      edge: {
        client: {
          allow_anonymous_connect_without_token: true,
          allowed_origins: [origin],
          stale_close_delay: '2s',
          // A reader that stops is to be ended for that, and not because it answers no ping.
          ping_interval: '10m',
          queue_max_size: '1MiB',
          token: { hmac_secret_key: secret, rsa_public_key: rsaPublicKey },
        },
        websocket: { compression: true },
      },
    });
    try {
      const [edge] = rig.of('edge') as [ServiceNode];
      const witness = new Witness(edge.url, secret);
      const target: Target = { edge, witness, secret, rsaPublicKey, origin };
      const siege = new Siege(rig, target);
      await witness.start();
      Attacker.forbidden = witness.word;
      Attacker.leaks = 0;
      return siege;
    } catch (error) {
      await rig.stop();
      throw error;
    }
  }

  /** One attack; afterwards only the witness is there. */
  async suffer(attack: Attack, rounds: number): Promise<Counts> {
    let counts: Counts;
    try {
      counts = await attack.run(this.target, rounds);
    } finally {
      Attacker.endAll();
    }
    const { edge, witness } = this.target;
    const isAlone = async (): Promise<true | undefined> =>
      (await edge.metric('pharos_edge_connections')) === 1 ? true : undefined;
    await eventually(isAlone, `the end of all connections of ${attack.name}`, settleTimeoutMs);
    await witness.isServed();
    return counts;
  }

  /** What the edge holds while only the witness is there. */
  held(): Promise<Held> {
    return heldBy(this.target.edge);
  }

  /**
   * The edge is the one that it was, nobody saw what wasn't for them, and the witness has everything.
   * Resolves with the number of the witness's publications. @throws AssertionError
   */
  async end(): Promise<number> {
    const { edge, witness } = this.target;
    try {
      const publications = await witness.stop();
      assert.equal(edge.pid, this.#pid, 'the process of the edge');
      assert.equal(Attacker.leaks, 0, 'publications of the closed channel that an attacker saw');
      assert.deepEqual(
        edge.warnings().filter((line) => !/"level":(?:40|"warn")/.test(line)),
        [],
        'errors in the log of the edge',
      );
      return publications;
    } finally {
      Attacker.forbidden = '';
      assert.deepEqual(await this.#rig.stop(), []);
    }
  }
}

import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { Collector } from '@pharos/testkit';
import { Centrifuge, type Subscription } from 'centrifuge';
import { WebSocket } from 'ws';

import { signedToken, userToken } from '../clients/token.ts';

const readyMs = 60_000;
const everyMs = 100;

/** Well-behaved clients beside the hostile ones: they publish and listen in an open channel and in one that only tokens open. */
export class Witness {
  /** A word in all publications of the closed channel. */
  readonly word: string = randomBytes(12).toString('hex');
  readonly #client: Centrifuge;
  readonly #rooms: readonly Subscription[];
  readonly #heard: readonly Collector<unknown>[];
  readonly #connects: Collector<string> = new Collector<string>();
  #said = 0;
  #stopped = false;
  #loop: Promise<void> | undefined;

  static readonly open = 'calm';
  static readonly closed = '$vault';

  constructor(url: string, secret: string) {
    this.#client = new Centrifuge(url, {
      websocket: WebSocket,
      token: userToken('witness', secret),
      minReconnectDelay: 50,
    });
    this.#client.on('connected', ({ client }) => this.#connects.add(client));
    const token = signedToken({ sub: 'witness', channel: Witness.closed }, secret);
    this.#rooms = [this.#client.newSubscription(Witness.open), this.#client.newSubscription(Witness.closed, { token })];
    this.#heard = this.#rooms.map((room) => {
      const heard = new Collector<unknown>();
      room.on('publication', ({ data }) => heard.add(data));
      return heard;
    });
  }

  /** Resolves when it is subscribed; from then on it talks all the time. */
  async start(): Promise<void> {
    this.#client.connect();
    for (const room of this.#rooms) room.subscribe();
    await Promise.all(this.#rooms.map((room) => room.ready(readyMs)));
    this.#loop = this.#talk();
  }

  /** Resolves when one more was heard in both channels: the edge serves. */
  async isServed(): Promise<void> {
    const wanted = this.#said + 1;
    await Promise.all(this.#heard.map((heard) => heard.waitForCount(wanted)));
  }

  /** Ends; resolves with the number of publications. @throws AssertionError where not each was heard once, in order, and nothing else */
  async stop(): Promise<number> {
    this.#stopped = true;
    await this.#loop;
    const numbers = Array.from({ length: this.#said }, (_, index) => index);
    const expected = [numbers, numbers.map((number) => `${this.word} ${number}`)];
    for (const [index, heard] of this.#heard.entries()) {
      await heard.waitForCount(this.#said);
      assert.deepEqual(heard.items, expected[index]);
    }
    assert.equal(this.#connects.items.length, 1, 'connections of the witness');
    this.#client.disconnect();
    return 2 * this.#said;
  }

  async #talk(): Promise<void> {
    const [open, closed] = this.#rooms;
    while (!this.#stopped) {
      const number = this.#said;
      await Promise.all([open?.publish(number), closed?.publish(`${this.word} ${number}`)]);
      this.#said++;
      await delay(everyMs);
    }
  }
}

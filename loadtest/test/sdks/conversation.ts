import assert from 'node:assert/strict';
import { eventually, startProxy } from '@pharos/testkit';

import type { ServiceNode } from '../../bench/chaos/service-node.ts';
import type { Application } from './application.ts';
import type { Received, SdkDriver, Subscribed, Wire } from './sdk.ts';

export interface Setting {
  readonly driver: SdkDriver;
  readonly wire: Wire;
  readonly application: Application;
  readonly edges: readonly [ServiceNode, ServiceNode];
  /** Part of the names of users and channels: nobody else has it. */
  readonly name: string;
}

const turns = 4;
const missed = 5;
const fresh: Subscribed = { recoverable: true, positioned: true, wasRecovering: false, recovered: false };
const back: Subscribed = { ...fresh, wasRecovering: true, recovered: true };

/** What two clients of one SDK, on two edges, do: the same for every SDK and every way to speak. */
export async function conversation(setting: Setting): Promise<void> {
  const { driver, wire, application, edges, name } = setting;
  const [ann, bob] = [`ann-${name}`, `bob-${name}`];
  const [channel, secret] = [`room-${name}`, `$secret-${name}`];
  const [first, second] = edges;
  // Ann is cut off later, and comes back by the same address to the other edge.
  let way = await startProxy(first.url);
  try {
    // What comes by requests of its own goes to the other edge, which hands it over.
    const open = (client: string, port: number, other: number): Promise<null> =>
      driver.call('open', {
        client,
        url: addressOf(wire, port),
        emulationUrl: `http://127.0.0.1:${other}/emulation`,
        ...wire,
        tokenUrl: application.connectUrl(client),
      });
    await open(ann, way.port, second.port);
    await open(bob, second.port, first.port);

    assert.deepEqual(await driver.call('subscribe', { client: ann, channel }), fresh);
    assert.deepEqual(await driver.call('subscribe', { client: bob, channel }), fresh);
    const tokenUrl = application.subscribeUrl(bob, secret);
    assert.deepEqual(await driver.call('subscribe', { client: bob, channel: secret, tokenUrl }), fresh);

    const said: unknown[] = [];
    const say = async (client: string, text: string): Promise<void> => {
      const data = { text, by: client };
      await driver.call('publish', { client, channel, data });
      said.push(data);
    };
    const heard = async (client: string): Promise<readonly Received[]> => {
      const publications = await driver.call('publications', { client, channel, count: said.length });
      assert.deepEqual(
        publications.map(({ data }) => data),
        said,
        `what ${client} heard`,
      );
      const offsets = publications.map(({ offset }) => offset);
      assert.ok(offsets.every((offset, at) => at === 0 || offset > (offsets[at - 1] ?? 0)));
      return publications;
    };
    for (let turn = 0; turn < turns; turn++) await say(turn % 2 === 0 ? ann : bob, `turn ${turn} – ✓ "quoted"`);
    assert.deepEqual(await heard(ann), await heard(bob));

    await present(driver, channel, [ann, bob]);
    const answer = await driver.call('rpc', { client: ann, method: 'echo', data: { question: 'ö' } });
    assert.deepEqual(answer, { user: ann, method: 'echo', got: { question: 'ö' } });
    await lookBack(driver, bob, channel, await heard(bob));

    // Away: what is said meanwhile comes once, in its place, at another edge.
    way.refuse();
    way.cutAll();
    for (let index = 0; index < missed; index++) await say(bob, `missed ${index}`);
    const { port } = way;
    await way.close();
    way = await startProxy(second.url, { port });
    assert.deepEqual(await driver.call('answers', { client: ann, channel, count: 2 }), [fresh, back]);
    await say(ann, 'back');
    assert.deepEqual(await heard(ann), await heard(bob));

    // A third token is asked for only where the answer to the refresh said when the second one ends.
    await application.wasAsked(`connect ${bob}`, 3);
    await application.wasAsked(`subscribe ${bob} ${secret}`, 3);
    await driver.call('publish', { client: bob, channel: secret, data: 'psst' });
    const [whisper] = await driver.call('publications', { client: bob, channel: secret, count: 1 });
    assert.equal(whisper?.data, 'psst');
    assert.equal((await driver.call('answers', { client: bob, channel: secret, count: 1 })).length, 1);
    assert.equal((await driver.call('ids', { client: bob })).length, 1, 'connections of bob');
    assert.equal(new Set(await driver.call('ids', { client: ann })).size, 2, 'connections of ann');
  } finally {
    for (const client of [ann, bob]) await driver.call('close', { client }).catch(() => undefined);
    await way.close();
  }
}

function addressOf({ transport }: Wire, port: number): string {
  return `${transport === 'websocket' ? 'ws' : 'http'}://127.0.0.1:${port}/connection/${transport}`;
}

/** Each sees both, from the edge where it is. */
async function present(driver: SdkDriver, channel: string, all: readonly string[]): Promise<void> {
  const expected = await Promise.all(
    all.map(async (user) => ({ user, client: (await driver.call('ids', { client: user })).at(-1) })),
  );
  for (const client of all) {
    const sees = async (): Promise<true | undefined> => {
      const present = await driver.call('presence', { client, channel });
      return present.length === all.length ? true : undefined;
    };
    // On another edge it may take some milliseconds more.
    await eventually(sees, 'presence of both');
    const present = await driver.call('presence', { client, channel });
    const sorted = present.toSorted((one, other) => (one.user < other.user ? -1 : 1));
    assert.deepEqual(sorted, expected);
    const stats = await driver.call('presenceStats', { client, channel });
    assert.deepEqual(stats, { clients: all.length, users: all.length });
  }
}

async function lookBack(driver: SdkDriver, client: string, channel: string, heard: readonly Received[]): Promise<void> {
  const whole = await driver.call('history', { client, channel, limit: 100, reverse: false });
  assert.deepEqual(whole.publications, heard);
  assert.equal(whole.offset, heard.at(-1)?.offset);
  const newest = await driver.call('history', { client, channel, limit: 2, reverse: true });
  assert.deepEqual(newest.publications, heard.toReversed().slice(0, 2));
}

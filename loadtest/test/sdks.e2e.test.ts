// The official SDKs against two edges on real Pulsar and Redis: all of them do the same.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { unavailable } from '@pharos/testkit';

import { Rig } from '../bench/chaos/rig.ts';
import type { ServiceNode } from '../bench/chaos/service-node.ts';
import { Application } from './sdks/application.ts';
import { conversation } from './sdks/conversation.ts';
import { sdks } from './sdks/sdks.ts';

describe('official SDKs', { skip: unavailable('pulsar') || unavailable('redis'), timeout: 600_000 }, () => {
  let application: Application;
  let rig: Rig;
  let edges: readonly [ServiceNode, ServiceNode];

  before(async () => {
    application = await Application.start();
    const client = {
      allow_anonymous_connect_without_token: false,
      token: { hmac_secret_key: application.secret },
    };
    const rpc = { proxy: { endpoint: application.rpcUrl }, without_namespace: { proxy_enabled: true } };
    rig = await Rig.start({ edges: 2, history: 1, presence: 1, lanes: 2, edge: { client, rpc } });
    edges = rig.of('edge') as [ServiceNode, ServiceNode];
  });

  after(async () => {
    // First: where the rig didn't start, it must not keep the process.
    await application.stop();
    assert.deepEqual(await rig.stop(), []);
  });

  for (const { name, skip, wires, start } of sdks) {
    // They wait for tokens to end, most of the time: two at once.
    describe(name, { skip, concurrency: 2 }, () => {
      for (const wire of wires) {
        test(`${wire.transport} in ${wire.encoding}: token, refresh, subscribe, publish, rpc, presence, history, recovery`, async (t) => {
          const driver = await start();
          t.after(() => driver.stop());
          await conversation({ driver, wire, application, edges, name: `${name}-${wire.transport}-${wire.encoding}` });
        });
      }
    });
  }
});

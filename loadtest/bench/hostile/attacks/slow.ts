import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { withDeadline } from '@pharos/lifecycle';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';

import { userToken } from '../../clients/token.ts';
import { Attacker } from '../attacker.ts';
import { type Attack, Counter, inParallel, type Target } from '../attack.ts';

const perRound = 50;
const dripMs = 1_000;
/** Whatever a server's deadlines are, a minute is more. */
const endMs = 60_000;
const atOnce = 50;

const silent = '';
const halfRequest = 'GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ';

/** Handshakes that never end, or end and are followed by nothing: all are ended by the server, and others come in meanwhile. */
export const slowHandshakes: Attack = {
  name: 'slow-handshakes',
  run: async (target, rounds) => {
    const counter = new Counter();
    const { edge } = target;
    const kinds = [
      { name: 'silent', begin: silent, drip: false },
      { name: 'half a request', begin: halfRequest, drip: false },
      { name: 'a byte a second', begin: halfRequest, drip: true },
    ];
    const ends: Promise<void>[] = [];
    for (const { name, begin, drip } of kinds) {
      for (let index = 0; index < perRound * rounds; index++) {
        ends.push(endedByServer(edge.port, begin, drip).then(() => counter.add(`ended: ${name}`)));
      }
    }
    for (let index = 0; index < perRound * rounds; index++) {
      const upgraded = Attacker.open({ port: edge.port }).then((one) => one.ended(endMs));
      ends.push(upgraded.then((code) => counter.add(`ended ${code ?? 'without a code'}: upgraded and silent`)));
    }
    const all = Promise.all(ends);
    all.catch(() => undefined);
    // Somebody else isn't kept out by them.
    await inParallel(20, 5, () => comesIn(target));
    counter.add('others that came in', 20);
    await all;
    return counter.counts;
  },
};

async function endedByServer(port: number, begin: string, drip: boolean): Promise<void> {
  const tcp = connect(port, '127.0.0.1');
  tcp.on('error', () => undefined);
  // An answer, where there is one, is read: else its end wouldn't be seen.
  tcp.resume();
  const closed = once(tcp, 'close');
  tcp.once('connect', () => tcp.write(begin));
  const timer = drip ? setInterval(() => tcp.writable && tcp.write('x'), dripMs) : undefined;
  try {
    await withDeadline(closed, endMs, `the end of a handshake that began with '${begin.slice(0, 20)}'`);
  } finally {
    clearInterval(timer);
    tcp.destroy();
  }
}

async function comesIn({ edge, secret }: Target): Promise<void> {
  const client = new Centrifuge(edge.url, { websocket: WebSocket, token: userToken('honest', secret) });
  client.connect();
  try {
    await client.ready(endMs);
  } finally {
    client.disconnect();
  }
}

const readersPerRound = 4;
const loud = 'loud';
const loudBytes = 48 * 1024;
const maxLoud = 2_000;

/** Subscribers that stop to read: each is ended by the server, and holds nobody up. */
export const slowReaders: Attack = {
  name: 'slow-readers',
  run: async (target, rounds) => {
    const { edge, secret } = target;
    const counter = new Counter();
    const before = await edge.metric('pharos_edge_slow_connections_total');
    const readers = readersPerRound * rounds;
    const attackers: Attacker[] = [];
    await inParallel(readers, atOnce, async () => {
      attackers.push(await subscribed(edge.port));
    });
    for (const { tcp } of attackers) tcp.pause();
    const publisher = new Centrifuge(edge.url, { websocket: WebSocket, token: userToken('loud', secret) });
    publisher.connect();
    try {
      await publisher.ready(endMs);
      const data = 'x'.repeat(loudBytes);
      const ended = async (): Promise<number> => (await edge.metric('pharos_edge_slow_connections_total')) - before;
      for (let count = 0; (await ended()) < readers; count++) {
        assert.ok(count < maxLoud, `${await ended()} of ${readers} slow readers were ended`);
        await publisher.publish(loud, data);
        counter.add('publications');
      }
      counter.add('slow readers that were ended', await ended());
    } finally {
      publisher.disconnect();
      await Promise.all(attackers.map(({ tcp }) => gone(tcp)));
    }
    return counter.counts;
  },
};

async function subscribed(port: number): Promise<Attacker> {
  let answered: () => void = () => undefined;
  const answer = new Promise<void>((resolve) => (answered = resolve));
  const onMessage = (message: Buffer): void => {
    if (message.includes('"subscribe"')) answered();
  };
  const attacker = await Attacker.open({ port, onMessage });
  attacker.sendText(`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${loud}"}}`);
  await withDeadline(answer, endMs, 'a subscription');
  return attacker;
}

async function gone(tcp: Socket): Promise<void> {
  if (tcp.closed) return;
  const closed = once(tcp, 'close');
  tcp.destroy();
  await closed;
  await delay(0);
}

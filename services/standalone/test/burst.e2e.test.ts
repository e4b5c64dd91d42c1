import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { withDeadline } from '@pharos/lifecycle';
import { realTextLines, sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { connectSdk, connectText, type TextClient } from './support/clients.ts';
import { type EdgeProcess, localName, startEdge } from './support/edge-process.ts';
import { peakMemoryBytes, pharos, produce, type PulsarAddress } from './support/processes.ts';
import type { Receiver } from './support/receiver.ts';
import { connectRaw, type RawClient } from './support/raw-client.ts';
import { assertUpToClose, assertWhole, ofRun } from './support/tally.ts';

const mib = 1024 * 1024;
const burstBytes = 32 * mib;
const lineChars = 8_000;
/** A client that reads at a trickle takes one message of so many pieces, however fast the machine is: a message may hold a whole piece. */
const piecesPerSip = 4;
const stoppedClients = 10;
/** Who was ended and has not read the rest by then is dropped without the code. */
const closeTimeoutMs = 10_000;
/** What is on its way at most, in lines: less than the limit of a connection, so that a client that reads is never too slow. */
const windowLines = 64;
/** Each step of the test on a busy machine: what hangs is named. */
const stepTimeoutMs = 60_000;

/** Long lines of real text, each numbered, of 32 MiB together. */
function longLines(run: string): string[] {
  const text = realTextLines(20_000).join(' ');
  const lines: string[] = [];
  for (let bytes = 0; bytes < burstBytes; ) {
    const at = (lines.length * lineChars) % (text.length - lineChars);
    const line = `${run} ${lines.length} ${text.slice(at, at + lineChars)}`.toWellFormed();
    lines.push(line);
    bytes += Buffer.byteLength(line);
  }
  return lines;
}

/** Reads a message when told to, until it is let go. */
class Trickle {
  readonly client: TextClient | RawClient;
  #isFree = false;

  constructor(client: TextClient | RawClient) {
    this.client = client;
    client.socket.pause();
    client.socket.on('message', () => {
      if (!this.#isFree) client.socket.pause();
    });
  }

  sip(): void {
    this.client.socket.resume();
  }

  letGo(): void {
    this.#isFree = true;
    this.client.socket.resume();
  }
}

describe('a burst of 32 MiB to clients with a limit of 1 MiB', {
  skip: unavailable('pulsar'),
  timeout: 300_000,
}, () => {
  const topic = uniqueTopic('burst');
  const channel = localName(topic);
  let pulsar: PulsarAddress;
  let edge: EdgeProcess;

  before(async () => {
    pulsar = await sharedPulsar();
    // Who doesn't read answers no pings, and is to be ended for what waits for it, however long that takes.
    const noPings = { PHAROS_CLIENT_PING_INTERVAL: '600s', PHAROS_CLIENT_PONG_TIMEOUT: '600s' };
    edge = await startEdge({ pulsar, topic, env: { PHAROS_CLIENT_QUEUE_MAX_SIZE: '1MiB', ...noPings } });
  });

  after(async () => {
    assert.equal(await edge.stop(), 0);
  });

  /** Sends a burst, as fast as the fast clients read it; resolves with the time that it took. */
  async function burst(
    lines: readonly string[],
    fast: readonly Receiver[],
    trickles: readonly Trickle[] = [],
  ): Promise<number> {
    const start = performance.now();
    const producer = await pharos(['produce', '--topic', topic], { PHAROS_PULSAR_URL: pulsar.serviceUrl });
    for (let at = 0; at < lines.length; at += windowLines / 2) {
      const piece = lines.slice(at, at + windowLines / 2);
      const written = producer.write(`${piece.join('\n')}\n`);
      await withDeadline(written, stepTimeoutMs, `writing lines from ${at} to the producer`);
      // The piece before this one has come everywhere: that is, at most two are on their way.
      const before = lines[at - 1];
      if (before !== undefined) await Promise.all(fast.map((client) => client.settled(before)));
      if ((at / (windowLines / 2)) % piecesPerSip === 0) for (const trickle of trickles) trickle.sip();
    }
    producer.endInput();
    const { code } = await withDeadline(
      producer.exited,
      stepTimeoutMs,
      `the producer's end after ${producer.stderr.tail()}`,
    );
    assert.equal(code, 0, producer.stderr.tail());
    await Promise.all(fast.map((client) => client.settled(lines.at(-1) as string)));
    return performance.now() - start;
  }

  test('each has every line up to its close, and those that read are not slowed by those that do not', async (context) => {
    const fast: Receiver[] = [
      await connectSdk('a fast SDK client', edge.sdkUrl, channel),
      await connectText('a fast WebSocket', edge.textUrl),
    ];
    const alone = longLines('alone');
    const aloneMs = await burst(alone, fast);
    for (const client of fast) assertWhole('alone', client, alone);
    const aloneBytes = await peakMemoryBytes(edge.process.pid);

    const slow = [
      await connectText('a slow WebSocket', edge.textUrl),
      await connectRaw('a slow protocol client', edge.sdkUrl, channel),
    ];
    const trickles = slow.map((client) => new Trickle(client));
    const stopped = await Promise.all(
      Array.from({ length: stoppedClients }, (_, index) =>
        index % 2 === 0
          ? connectText(`stopped WebSocket ${index}`, edge.textUrl)
          : connectRaw(`stopped protocol client ${index}`, edge.sdkUrl, channel),
      ),
    );
    for (const { socket } of stopped) socket.pause();
    const crowd = longLines('crowd');
    const crowdMs = await burst(crowd, fast, trickles);
    const crowdBytes = await peakMemoryBytes(edge.process.pid);
    for (const client of fast) assertWhole('crowd', client, crowd);

    for (const trickle of trickles) trickle.letGo();
    for (const { socket } of stopped) socket.resume();
    await Promise.all(
      [...slow, ...stopped].map(({ name, closed }) =>
        withDeadline(closed.promise, stepTimeoutMs, `the close of ${name}`),
      ),
    );
    for (const client of [...slow, ...stopped]) {
      assertUpToClose('crowd', client, crowd, crowdMs < closeTimeoutMs / 2 ? [3008] : [3008, 1006]);
      assert.notEqual(client.close, undefined, client.name);
      assert.notEqual(ofRun('crowd', client.lines.items).length, 0, `${client.name} was closed before its first line`);
    }
    const { body } = await edge.internal('/metrics');
    assert.equal(slowConnections(body), slow.length + stopped.length);
    context.diagnostic(
      `fast clients: ${aloneMs.toFixed(0)} ms alone, ${crowdMs.toFixed(0)} ms beside ${slow.length + stopped.length} slow ones; ` +
        `peak memory of the edge ${(aloneBytes / mib).toFixed(0)} and ${(crowdBytes / mib).toFixed(0)} MiB`,
    );
    // That it went on at all is the claim, because each piece waits for the fast ones; a machine that is busy takes its time.
    assert.ok(crowdMs < 5 * aloneMs + 10_000, `${crowdMs} ms beside slow clients, ${aloneMs} ms alone`);
    // Of each its limit and the pack that took it beyond, and room for the garbage collector: far from twelve times the burst.
    const allowed = (slow.length + stopped.length) * 2 * mib + 48 * mib;
    assert.ok(crowdBytes - aloneBytes < allowed, `${(crowdBytes - aloneBytes) / mib} MiB more`);

    // Without any pace, who reads as fast as it can may be too slow nevertheless: then it is told.
    const torrent = longLines('torrent');
    await produce(pulsar, topic, torrent);
    await Promise.all(fast.map((client) => client.settled(torrent.at(-1) as string)));
    for (const client of fast) assertUpToClose('torrent', client, torrent);
    context.diagnostic(`without pace: ${fast.filter((client) => client.close !== undefined).length} of 2 closed`);
  });
});

function slowConnections(metrics: string): number {
  const found = metrics.matchAll(/^pharos_edge_slow_connections_total\{[^}]*\} (\d+)$/gm);
  return [...found].reduce((sum, [, count]) => sum + Number(count), 0);
}

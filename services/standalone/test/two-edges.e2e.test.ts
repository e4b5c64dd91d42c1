import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launchChromium, sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import type { Browser } from 'playwright-core';
import { openPage, type PageClient, screenshot } from './support/browser-page.ts';
import { connectSdk, connectText } from './support/clients.ts';
import { type EdgeProcess, localName, startEdge } from './support/edge-process.ts';
import { pharos, produce, type PulsarAddress } from './support/processes.ts';
import type { Receiver } from './support/receiver.ts';
import { assertUpToClose, assertWhole, numberedLines, ofRun, tally } from './support/tally.ts';

const count = 10_000;
/** What the page keeps. */
const rowsOnPage = 1_000;

describe('two edges on one Pulsar', {
  skip: unavailable('pulsar') || unavailable('chromium'),
  timeout: 300_000,
}, () => {
  const topic = uniqueTopic('two-edges');
  const channel = localName(topic);
  let pulsar: PulsarAddress;
  let browser: Browser;
  let one: EdgeProcess;
  let two: EdgeProcess;
  const clients: Receiver[] = [];
  let page: PageClient;

  before(async () => {
    pulsar = await sharedPulsar();
    [browser, one, two] = await Promise.all([
      launchChromium(),
      startEdge({ pulsar, topic, env: { PHAROS_NAME: 'edge-1' } }),
      startEdge({ pulsar, topic, env: { PHAROS_NAME: 'edge-2' } }),
    ]);
    page = await openPage(browser, 'the page on edge 1', one.pageUrl, channel);
    clients.push(
      page,
      await connectSdk('the SDK on edge 1', one.sdkUrl, channel),
      await connectSdk('the SDK on edge 2', two.sdkUrl, channel),
      await connectText('a WebSocket on edge 1', one.textUrl),
      await connectText('a WebSocket on edge 2', two.textUrl),
    );
  });

  after(async () => {
    await browser.close();
    assert.deepEqual(await Promise.all([one.stop(), two.stop()]), [0, 0]);
  });

  /** `pharos consume`; resolves when it has printed `last`, with the lines of `run` that it printed. */
  async function consume(run: string, last: string, ...args: readonly string[]): Promise<string[]> {
    const to = ['--topic', topic, '--from', 'earliest'];
    const consumer = await pharos(['consume', ...to, ...args], { PHAROS_PULSAR_URL: pulsar.serviceUrl });
    const [, number = ''] = last.split(' ');
    await consumer.waitForLine(new RegExp(`^Received message: ${run} ${number} `), { timeoutMs: 120_000 });
    consumer.signal('SIGTERM');
    assert.equal((await consumer.exited).code, 0, consumer.stderr.tail());
    return ofRun(
      run,
      consumer.stdout.lines.map((line) => line.replace(/^Received message: /, '')),
    );
  }

  async function send(run: string, ...args: readonly string[]): Promise<string[]> {
    const lines = numberedLines(run, count);
    const last = lines.at(-1) as string;
    const [summary, single, batch] = await Promise.all([
      produce(pulsar, topic, lines, ...args),
      consume(run, last, '--subscription', 'single'),
      consume(run, last, '--subscription', 'batch', '--batch'),
      ...clients.map((client) => client.settled(last)),
    ]);
    assert.match(summary, /10000 of 10000 lines acknowledged/);
    for (const printed of [single, batch]) {
      assert.deepEqual(tally(lines, printed), { lost: 0, duplicated: 0, outOfOrder: 0, strange: 0 }, 'pharos consume');
    }
    return lines;
  }

  test('10,000 real lines at 500 a second reach every client once, in order', async () => {
    const lines = await send('paced', '--rate', '500');
    for (const client of clients) assertWhole('paced', client, lines);
    await page.page.locator('.row:last-child .text', { hasText: /^paced 9999 / }).waitFor();
    assert.deepEqual(await page.rows(), lines.slice(-rowsOnPage));
    await screenshot(page, 'two-edges-paced');
  });

  test('10,000 lines at full speed reach every client, or it is told by a close', async (context) => {
    const lines = await send('unpaced');
    for (const client of clients) assertUpToClose('unpaced', client, lines);
    const closed = clients.filter((client) => client.close !== undefined).map((client) => client.name);
    context.diagnostic(`closed: ${closed.length === 0 ? 'nobody' : closed.join(', ')}`);
    await screenshot(page, 'two-edges-unpaced');
  });

  test('the page, the SDK and bare WebSockets hear each other over both edges', async () => {
    const sdk = await connectSdk('an SDK on edge 2', two.sdkUrl, channel);
    const text = await connectText('another WebSocket on edge 2', two.textUrl);
    const other = await openPage(browser, 'another page on edge 1', one.pageUrl, channel);

    text.send('from a terminal');
    const line = `[${text.id}] from a terminal`;
    await Promise.all([sdk, other].map((client) => client.lines.waitFor((came) => came === line, line)));
    await other.page.locator('.row:last-child .text', { hasText: /^from a terminal$/ }).waitFor();

    await sdk.subscription.publish('from the SDK');
    await text.lines.waitFor((came) => /^\[[0-9a-f-]{36}\] from the SDK$/.test(came), 'the line of the SDK');

    await other.page.locator('#draft').fill('from the page');
    await other.page.keyboard.press('Enter');
    await text.lines.waitFor((came) => /^\[[0-9a-f-]{36}\] from the page$/.test(came), 'the line of the page');
    await screenshot(other, 'two-edges-chat');
    sdk.centrifuge.disconnect();
    text.drop();
  });
});

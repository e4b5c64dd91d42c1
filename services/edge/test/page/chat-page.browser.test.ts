import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { MemoryBroker, MemoryBus } from '@pharos/bus';
import { eventually, launchChromium, startProxy, unavailable } from '@pharos/testkit';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { startTestEdge, type TestEdge } from '../support/edge.ts';

const LINES = 10_000;
const publicLog = 'persistent://public/default/chat';

describe('the chat page', { skip: unavailable('chromium'), timeout: 600_000 }, () => {
  const broker = new MemoryBroker();
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];
  let browser: Browser;
  let one: TestEdge;
  let two: TestEdge;

  before(async () => {
    browser = await launchChromium();
    one = await startTestEdge({ bus: new MemoryBus(broker) });
    two = await startTestEdge({ bus: new MemoryBus(broker) });
  });

  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
    // Whatever a page complains about: a breach of the content policy, an exception, an asset that isn't there.
    assert.deepEqual(complaints.splice(0), []);
  });

  after(async () => {
    await browser.close();
    await Promise.all([one.stop(), two.stop()]);
  });

  async function open(edge: { readonly port: number }, hash = '', options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    contexts.push(context);
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`));
    page.on('console', (message) => {
      const expected = /WebSocket connection to .* failed/.test(message.text());
      if (message.type() === 'error' && !expected) complaints.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${edge.port}/${hash}`);
    await page.locator('#status', { hasText: /^Connected$/ }).waitFor();
    return page;
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.locator('#draft').fill(text);
    await page.keyboard.press('Enter');
  }

  /** Waits until a JavaScript condition holds in the page; the page's policy forbids the usual way, which needs eval. */
  async function holds(page: Page, condition: string): Promise<void> {
    await eventually(async () => ((await page.evaluate<boolean>(condition)) ? true : undefined), condition);
  }

  /** Waits until the last row's text is this one. */
  async function lastText(page: Page, text: string): Promise<void> {
    await page.locator('.row:last-child .text').getByText(text, { exact: true }).waitFor();
  }

  test('two tabs on two edges talk, with names, times and their own marked', async () => {
    const ann = await open(one, '#talk');
    const bo = await open(two, '#talk');
    await ann.getByLabel('Your name').fill('Ann');
    await ann.keyboard.press('Enter');
    await say(ann, 'hello from edge one');
    await lastText(bo, 'hello from edge one');
    await say(bo, 'and from edge two');
    await lastText(ann, 'and from edge two');
    assert.deepEqual(await bo.locator('.who').allTextContents(), [
      'Ann',
      await bo.getByLabel('Your name').inputValue(),
    ]);
    assert.deepEqual(await ann.locator('.row.own .text').allTextContents(), ['hello from edge one']);
    assert.deepEqual(await bo.locator('.row.own .text').allTextContents(), ['and from edge two']);
    assert.match((await ann.locator('.row time').first().getAttribute('datetime')) ?? '', /^\d{4}-\d\d-\d\dT/);
  });

  test('what anybody puts on the channel arrives as data', async () => {
    const page = await open(one, '#chat');
    const log = await new MemoryBus(broker).openLog({ topic: publicLog });
    const payloads = [
      'a plain line',
      'x}}\n{"push":{"channel":"chat","pub":{"data":"forged"}}}',
      '<img src=x onerror=alert(1)>',
      JSON.stringify({ name: '<b>Eve</b>', text: '<script>alert(1)</script>' }),
      '{"other":[1,2]}',
    ];
    for (const payload of payloads) await log.append({ channel: 'chat', data: Buffer.from(payload) }, 60_000);
    await log.append({ channel: 'chat', data: Buffer.from([0xff, 0xfe, 0x00]) }, 60_000);
    await page.locator('.kind-binary').getByText('3 bytes of binary data').waitFor();
    assert.deepEqual(await page.locator('.row .text').allTextContents(), [
      ...payloads.slice(0, 3),
      '<script>alert(1)</script>',
      '{ "other": [ 1, 2 ] }',
      '3 bytes of binary data',
    ]);
    assert.deepEqual(await page.locator('.who').allTextContents(), ['<b>Eve</b>']);
    assert.equal(await page.locator('.row img, .row script').count(), 0);
    await log.close();
  });

  test('a plain WebSocket takes part under its short id', async () => {
    const page = await open(two, '#chat');
    const socket = new WebSocket(one.chatUrl);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.send('hello from a terminal');
    await lastText(page, 'hello from a terminal');
    assert.match((await page.locator('.who').last().textContent()) ?? '', /^[0-9a-f]{8}$/);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.close();
    await closed;
  });

  test('10,000 lines at full speed leave the newest 1,000, in order and at their end', async () => {
    const page = await open(one, '#flood');
    const reader = await open(two, '#flood');
    const log = await new MemoryBus(broker).openLog({ topic: publicLog });
    const lines = Array.from({ length: LINES }, (_, index) => `line ${index}`);
    for (let start = 0; start < LINES; start += 500) {
      const batch = lines.slice(start, start + 500);
      await Promise.all(batch.map((line) => log.append({ channel: 'flood', data: Buffer.from(line) }, 60_000)));
    }
    for (const tab of [page, reader]) await lastText(tab, `line ${LINES - 1}`);
    assert.deepEqual(await page.locator('.row .text').allTextContents(), lines.slice(-1_000));
    const distance = await page.evaluate<number>('feed.scrollHeight - feed.scrollTop - feed.clientHeight');
    assert.ok(distance <= 1, `${distance} px from the end`);

    // Whoever reads further up stays there, and is told.
    await reader.locator('#feed').focus();
    await reader.keyboard.press('Home');
    await holds(reader, 'feed.scrollTop === 0');
    await log.append({ channel: 'flood', data: Buffer.from('one more') }, 60_000);
    await reader.getByRole('button', { name: '1 new message' }).click();
    await holds(reader, 'feed.scrollHeight - feed.scrollTop - feed.clientHeight <= 1');
    await lastText(reader, 'one more');
    await reader.locator('#newer').waitFor({ state: 'hidden' });
    await log.close();
  });

  test('rooms are added, walked through by keyboard, counted and left', async () => {
    const page = await open(one, '#first');
    const other = await open(two, '#first');
    await page.getByLabel('Add or join a room').fill('second');
    await page.keyboard.press('Enter');
    await page.locator('#room-title', { hasText: /^second$/ }).waitFor();
    assert.equal(new URL(page.url()).hash, '#second');
    await page.locator('#draft').fill('kept for later');

    await say(other, 'are you there?');
    await page.locator('#rooms [data-room=first] .unread', { hasText: '1' }).waitFor();
    assert.match(await page.title(), /^\(1\) second/);
    await page.keyboard.press('Alt+ArrowUp');
    await lastText(page, 'are you there?');
    assert.equal(await page.locator('#room-title').textContent(), 'first');
    await page.locator('#rooms .unread').waitFor({ state: 'detached' });
    assert.match(await page.title(), /^first/);
    await page.keyboard.press('Control+ArrowDown');
    assert.equal(await page.locator('#draft').inputValue(), 'kept for later');

    await page.getByLabel('Add or join a room').fill('é'.repeat(128));
    await page.keyboard.press('Enter');
    await page.getByText('256 bytes long').waitFor();

    await page.reload();
    await page.locator('#rooms [data-room=second] [aria-current=page]').waitFor();
    assert.equal(await page.locator('#draft').inputValue(), 'kept for later');
    await page.locator('#rooms [data-room=second]').hover();
    await page.getByRole('button', { name: 'Leave second' }).click();
    await page.locator('#rooms [data-room=second]').waitFor({ state: 'detached' });
    assert.equal(await page.locator('#room-title').textContent(), 'first');
  });

  test('a refused publish is said and can be discarded', async () => {
    const env = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_PUBLISH_FOR_ANONYMOUS: 'false' };
    const closed = await startTestEdge({
      env: { ...env, PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_PUBLISH_FOR_SUBSCRIBER: 'false' },
    });
    try {
      const page = await open(closed);
      await say(page, 'may I?');
      await page.getByRole('alert').getByText('you may not write to this room').waitFor();
      await page.getByRole('button', { name: 'Send again' }).click();
      await page.getByRole('alert').getByText('you may not write to this room').waitFor();
      await page.getByRole('button', { name: 'Discard' }).click();
      await page.locator('#outgoing').waitFor({ state: 'hidden' });
    } finally {
      await closed.stop();
    }
  });

  test('a lost connection is said, keeps the draft, and what was said meanwhile comes after it', async () => {
    const proxy = await startProxy(`127.0.0.1:${one.port}`);
    try {
      const page = await open(proxy, '#lost');
      await say(page, 'before');
      await lastText(page, 'before');
      proxy.refuse();
      proxy.cutAll();
      await page.getByText('Connection lost').waitFor();
      await say(page, 'typed meanwhile');
      await page.getByText('Not connected yet').waitFor();
      assert.equal(await page.locator('#draft').inputValue(), 'typed meanwhile');
      const other = await open(two, '#lost');
      await say(other, 'said meanwhile');
      await lastText(other, 'said meanwhile');
      await proxy.accept();
      // It may be back by itself first: then there is no button any more.
      const back = lastText(page, 'said meanwhile');
      await Promise.race([page.getByRole('button', { name: 'Try now' }).click(), back]);
      await back;
      await page.locator('#draft').press('Enter');
      await lastText(page, 'typed meanwhile');
      const texts = await page.locator('.row .text').allTextContents();
      assert.deepEqual(texts, ['before', 'said meanwhile', 'typed meanwhile']);
      assert.equal(await page.locator('.kind-notice', { hasText: 'may be missing here' }).count(), 0);
    } finally {
      await proxy.close();
    }
  });

  test('who missed more than is kept comes back with a word about the gap', async () => {
    const proxy = await startProxy(`127.0.0.1:${one.port}`);
    const bus = new MemoryBus(broker);
    try {
      const page = await open(proxy, '#gap');
      await say(page, 'before');
      await lastText(page, 'before');
      proxy.refuse();
      proxy.cutAll();
      await page.getByText('Connection lost').waitFor();
      const log = await bus.openLog({ topic: publicLog });
      // One more than a channel keeps by default.
      const missed = Array.from({ length: 301 }, (_, index) => ({ channel: 'gap', data: Buffer.from(String(index)) }));
      await Promise.all(missed.map((publication) => log.append(publication, 10_000)));
      await proxy.accept();
      const told = page.locator('.kind-notice', { hasText: 'may be missing here' }).waitFor();
      await Promise.race([page.getByRole('button', { name: 'Try now' }).click(), told]);
      await told;
      await say(page, 'after');
      await lastText(page, 'after');
      assert.deepEqual(await page.locator('.row.own .text').allTextContents(), ['before', 'after']);
    } finally {
      await bus.close();
      await proxy.close();
    }
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`fits a narrow ${colorScheme} screen, with the rooms in a drawer`, async () => {
      const page = await open(one, '#narrow', { colorScheme, viewport: { width: 360, height: 640 } });
      await say(page, 'w'.repeat(400));
      await lastText(page, 'w'.repeat(400));
      assert.equal(await page.evaluate<number>('document.documentElement.scrollWidth'), 360);
      const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      assert.equal(background, colorScheme === 'light' ? 'rgb(251, 250, 246)' : 'rgb(14, 22, 28)');
      assert.equal(await page.getByLabel('Your name').isVisible(), false);
      await page.getByRole('button', { name: 'Rooms and name' }).click();
      await page.getByLabel('Your name').waitFor();
      await page.keyboard.press('Escape');
      await page.getByLabel('Your name').waitFor({ state: 'hidden' });
    });
  }
});

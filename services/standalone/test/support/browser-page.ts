import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { Receiver } from './receiver.ts';

/** The chat page in a browser, and what its SDK client receives: the page itself keeps the newest rows only. */
export class PageClient extends Receiver {
  readonly page: Page;

  constructor(name: string, page: Page) {
    super(name);
    this.page = page;
    page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) => {
        for (const frame of String(payload).split('\n')) this.#take(frame);
      });
      socket.on('close', () => this.ended({ code: 1006, reason: 'the page lost its connection' }));
    });
  }

  /** The texts of the rows on the page, top to bottom. */
  rows(): Promise<string[]> {
    return this.page.locator('.row .text').allTextContents();
  }

  #take(frame: string): void {
    if (frame === '' || frame === '{}') return;
    const { push } = JSON.parse(frame) as { push?: { pub?: { data: unknown } } };
    const data = push?.pub?.data;
    if (typeof data === 'string') this.received(data);
  }
}

/** Opens the chat page in a window of its own, in `room`; resolves when it says that it is connected. */
export async function openPage(browser: Browser, name: string, url: string, room: string): Promise<PageClient> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 700 } });
  const client = new PageClient(name, await context.newPage());
  await client.page.goto(`${url}#${room}`);
  await client.page.locator('#status', { hasText: /^Connected$/ }).waitFor();
  return client;
}

/** A picture of the page in the folder that PHAROS_TEST_SCREENSHOTS names, for people; none where it names none. */
export async function screenshot(client: PageClient, name: string): Promise<void> {
  const folder = process.env['PHAROS_TEST_SCREENSHOTS'];
  if (folder !== undefined) await client.page.screenshot({ path: join(folder, `${name}.png`) });
}

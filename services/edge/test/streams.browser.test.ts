import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launchChromium, unavailable } from '@pharos/testkit';
import type { Browser, Page } from 'playwright-core';
import type { TestEdge } from './support/edge.ts';
import { memoryWorld, socketServers, startEdge } from './support/world.ts';

const sdkFolder = join(dirname(createRequire(import.meta.url).resolve('centrifuge')), '../dist');

/** What a page is told to do: the SDK's own build for browsers, with the browser's own EventSource, fetch and streams. */
interface Task {
  readonly kind: 'sse' | 'http_stream';
  readonly isBinary: boolean;
  readonly stream: string;
  readonly emulation: string;
}

interface SdkOfPage {
  on(event: string, listener: (context: never) => void): void;
  connect(): void;
  disconnect(): void;
  newSubscription(channel: string): SdkOfPage & { subscribe(): void; publish(data: unknown): Promise<unknown> };
}

/** Runs in the page: what came of it, as the SDK says it. */
async function converse({ kind, isBinary, stream, emulation }: Task): Promise<string[]> {
  const { Centrifuge: Sdk } = globalThis as unknown as { Centrifuge: new (...args: unknown[]) => SdkOfPage };
  const client = new Sdk([{ transport: kind, endpoint: `${stream}/connection/${kind}` }], {
    emulationEndpoint: `${emulation}/emulation`,
  });
  const events: string[] = [];
  return new Promise((resolve) => {
    const done = (event: string): void => {
      events.push(event);
      client.disconnect();
      resolve(events);
    };
    client.on('connected', ({ transport }: { transport: string }) => events.push(transport));
    client.on('error', ({ error }: { error: { code: number } }) => done(`error ${error.code}`));
    const room = client.newSubscription('room');
    const publish = async (text: string): Promise<void> => {
      try {
        await room.publish(isBinary ? new TextEncoder().encode(text) : JSON.parse(text));
      } catch (error) {
        done(String(error));
      }
    };
    room.on('subscribed', () => void publish('"from a page: grüße"'));
    room.on('publication', ({ data }: { data: unknown }) =>
      done(isBinary ? new TextDecoder().decode(data as Uint8Array) : JSON.stringify(data)),
    );
    room.subscribe();
    client.connect();
  });
}

describe('SSE and HTTP streaming in a browser, of a page of another origin', {
  skip: unavailable('chromium'),
  timeout: 300_000,
}, () => {
  let browser: Browser;
  let site: Server;
  let origin = '';

  before(async () => {
    browser = await launchChromium();
    site = createServer((_request, response) => response.end('<!doctype html><title>An application</title>'));
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  });

  after(async () => {
    await browser.close();
    site.close();
  });

  async function openPage(isBinary: boolean): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(origin);
    await page.addScriptTag({ path: join(sdkFolder, isBinary ? 'centrifuge.protobuf.js' : 'centrifuge.js') });
    // What the tests' compiler puts into functions, to keep their names.
    await page.evaluate('globalThis.__name = (named) => named');
    return page;
  }

  const at = ({ port }: TestEdge): string => `http://127.0.0.1:${port}`;

  for (const socket of socketServers) {
    test(`subscribes and publishes, its commands by another edge than its stream, on ${socket}`, async (t) => {
      const world = memoryWorld();
      const env = { PHAROS_CLIENT_ALLOWED_ORIGINS: JSON.stringify([origin]) };
      const [one, two] = [
        await startEdge(t, world, { socket, env }),
        await startEdge(t, world, { socket, env }),
      ] as const;
      for (const [kind, isBinary] of [
        ['sse', false],
        ['http_stream', false],
        ['http_stream', true],
      ] as const) {
        const page = await openPage(isBinary);
        const events = await page.evaluate(converse, { kind, isBinary, stream: at(one), emulation: at(two) });
        assert.deepEqual(events, [kind, '"from a page: grüße"']);
        await page.close();
      }
    });
  }

  test('is kept out where its origin is not allowed', async (t) => {
    const edge = await startEdge(t, memoryWorld());
    for (const kind of ['sse', 'http_stream'] as const) {
      const page = await openPage(false);
      const events = await page.evaluate(converse, { kind, isBinary: false, stream: at(edge), emulation: at(edge) });
      assert.deepEqual(events, ['error 2']);
      await page.close();
    }
  });
});

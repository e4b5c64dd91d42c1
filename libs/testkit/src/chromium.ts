import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { toolPath } from './tools.ts';

/** Starts the system's Chromium without a window; throws `tool-missing` where there is none in PATH. */
export function launchChromium(): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: toolPath('chromium'),
    headless: true,
    args: [
      // Chromium refuses its sandbox to root; the pages are the project's own.
      ...(isRoot ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

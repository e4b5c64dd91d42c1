// `npm run panels`: draws the dashboards from what a Prometheus has, for where there is no Grafana.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { launchChromium, queryRange, unavailable } from '@pharos/testkit';

import { dashboards } from '../generated.ts';
import { readDashboard } from './model.ts';
import { pageOf, pageWidth } from './page.ts';

const help = `npm run panels -- [options]

Draws every dashboard from what a Prometheus has: a page each, and a picture of it where there is a Chromium.

  --prometheus <url>   (default: http://127.0.0.1:9090, as npm run cluster has it)
  --minutes <n>        how far back (default: 10)
  --rate <duration>    what rates are taken over (default: 30s; four scrapes at least)
  --out <folder>       (default: panels)
`;

/** Points of a curve. */
const points = 180;

/** Resolves with the exit status. */
async function main(args: readonly string[]): Promise<number> {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(help);
    return 0;
  }
  const { prometheus, minutes, rate, out } = options;
  const end = Math.floor(Date.now() / 1_000);
  const start = end - minutes * 60;
  const range = { start, end, step: Math.max(1, Math.round((end - start) / points)) };
  await mkdir(out, { recursive: true });
  const missing = unavailable('chromium');
  if (missing !== false) process.stderr.write(`pages without pictures: ${missing}\n`);
  const browser = missing === false ? await launchChromium() : undefined;
  try {
    for (const made of dashboards) {
      const drawn = await readDashboard(made, range, rate, (expression) => queryRange(prometheus, expression, range));
      const path = join(out, drawn.uid);
      const html = pageOf(drawn);
      await writeFile(`${path}.html`, html);
      const page = await browser?.newPage({ viewport: { width: pageWidth, height: 600 } });
      await page?.setContent(html);
      await page?.screenshot({ path: `${path}.png`, fullPage: true });
      await page?.close();
      process.stdout.write(`${path}.${browser === undefined ? 'html' : 'png'}\n`);
    }
  } catch (error) {
    process.stderr.write(`nothing to draw from ${prometheus}: ${reasonOf(error)}\n`);
    return 1;
  } finally {
    await browser?.close();
  }
  return 0;
}

/** `fetch` says no more than that it failed; why is in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** @throws TypeError or RangeError that names the wrong argument */
function readOptions(args: readonly string[]): {
  readonly prometheus: string;
  readonly minutes: number;
  readonly rate: string;
  readonly out: string;
  readonly help: boolean;
} {
  const { values } = parseArgs({
    args: [...args],
    options: {
      prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
      minutes: { type: 'string', default: '10' },
      rate: { type: 'string', default: '30s' },
      out: { type: 'string', default: 'panels' },
      help: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new RangeError(`--minutes must be a number above 0, not '${values.minutes}'`);
  if (!/^\d+(ms|s|m|h)$/.test(values.rate)) throw new RangeError(`--rate must be like 30s, not '${values.rate}'`);
  if (!URL.canParse(values.prometheus)) throw new RangeError(`--prometheus must be a URL, not '${values.prometheus}'`);
  return { ...values, prometheus: values.prometheus.replace(/\/$/, ''), minutes };
}

process.exitCode = await main(process.argv.slice(2));

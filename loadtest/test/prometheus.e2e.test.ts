// A real Prometheus scrapes a running cluster under load: every query of every dashboard of the chart has data.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { lifecycleTopic } from '@pharos/channels';
import {
  eventually,
  type PrometheusServer,
  type RedisServer,
  spawnService,
  startPrometheus,
  unavailable,
} from '@pharos/testkit';

import { SubscriptionState } from 'centrifuge';

import { Rig } from '../bench/chaos/rig.ts';
import type { ServiceNode } from '../bench/chaos/service-node.ts';
import { LoadFleet } from '../bench/load/load-fleet.ts';
import { Application } from './support/application.ts';
import { dashboardIds, panelQueries, ruleFiles } from './support/dashboards.ts';

const skip = unavailable('pulsar') || unavailable('redis') || unavailable('prometheus');
const leaseMs = 3_000;
const rateInterval = '10s';
/** Of each edge, a second. */
const connectionRateLimit = 25;
const channels = 4;

/** Queries without data under an everyday load, and why: they tell of something that has to happen first. */
const quiet: ReadonlyMap<string, string> = new Map([
  ['pharos-edge / Ready and draining / {{pod}} draining', 'a process drains'],
  ['pharos-api / Backends connected to again / edge: {{kind}} {{proxy}}', 'the backend is away'],
  ['pharos-api / Backends connected to again / api: {{kind}} {{proxy}}', 'the backend is away'],
  ['pharos-path / Publishes that failed / {{outcome}}', 'the log takes nothing'],
  ['pharos-path / Begun anew, read again, lost / again: {{reason}}', 'the history service loses the store'],
  ['pharos-path / Errors of stores / edge: {{code}}', 'an edge loses the store'],
  ['pharos-path / Errors of stores / presence on edges: {{code}}', 'an edge loses the store of presence'],
  ['pharos-path / Errors of stores / history: {{code}}', 'the history service loses the store'],
  ['pharos-path / Errors of stores / presence: {{code}}', 'the presence service loses the store'],
  ['pharos-path / Reaped / leaves {{outcome}}', 'an edge dies with members'],
  ['pharos-path / Joins and leaves that could not be published / edge: {{code}}', 'their log takes nothing'],
  ['pharos-path / Joins and leaves that could not be published / presence: {{code}}', 'their log takes nothing'],
]);

/** A new folder in which the pictures that are drawn on the way stay: those in docs/pictures were made so, on a day without a rush. */
const kept = process.env.KEEP_PANELS_IN ?? '';

describe('a Prometheus beside a cluster under load', { skip, timeout: 600_000 }, () => {
  let application: Application;
  let rig: Rig;
  let prometheus: PrometheusServer;
  let fleet: LoadFleet;
  let asking: Promise<void> | undefined;
  const over = new AbortController();
  const beganAt = Date.now() / 1_000;

  before(async () => {
    application = await Application.start();
    const { client, ...sections } = application.edge;
    rig = await Rig.start({
      edges: 2,
      history: 1,
      presence: 1,
      api: 1,
      leaseMs,
      drainMs: 3_000,
      redisKeeps: true,
      channel: { allowed_delta_types: ['fossil'], delta_publish: true },
      apiSections: application.api,
      edge: {
        ...sections,
        client: { ...client, connection_rate_limit: connectionRateLimit },
        ring: { max_lane_size: '64KiB' },
      },
    });
    const targets = rig.nodes.map(({ role, name, metricsUrl }) => ({
      job: role,
      address: new URL(metricsUrl).host,
      pod: name,
    }));
    prometheus = await startPrometheus({ targets, rules: ruleFiles(), intervalMs: 1_000 });
    const options = { urls: rig.endpoints, tokens: application.tokens, processes: 1, connectRate: 40 };
    fleet = await LoadFleet.start({ ...options, prefix: 'room-' });
  });

  after(async () => {
    over.abort();
    await asking;
    await fleet.stop();
    await prometheus.stop();
    await rig.stop();
    await application.stop();
  });

  /** Names of the queries without a value since the beginning. */
  const withoutData = async (): Promise<string[]> => {
    const range = { start: beganAt, end: Date.now() / 1_000, step: 1 };
    const found = await Promise.all(
      panelQueries(rateInterval).map(async ({ name, expr }) => {
        const series = await prometheus.queryRange(expr, range);
        return { name, has: series.some(({ values }) => values.some(([, value]) => value !== 'NaN')) };
      }),
    );
    return found.filter(({ has }) => !has).map(({ name }) => name);
  };

  /** Resolves when no others are without data than these; some of these may have some, on a machine that is slow. */
  const untilOnly = async (expected: readonly string[]): Promise<void> => {
    let empty: string[] = [];
    const isSo = async (): Promise<true | undefined> => {
      empty = (await withoutData()).filter((name) => !expected.includes(name));
      return empty.length === 0 || undefined;
    };
    // What doesn't come in this time is named below.
    await eventually(isSo, 'data', dataTimeoutMs).catch(() => undefined);
    assert.deepEqual(empty, []);
  };

  test('every query of every dashboard has data under an everyday load, but those of troubles', async (context) => {
    const names = panelQueries(rateInterval).map(({ name }) => name);
    for (const name of quiet.keys()) assert.ok(names.includes(name), `no dashboard has ${name}`);
    const [channel = ''] = fleet.channels(channels);
    await fleet.open({ clients: 60, channels }, { joinLeave: true });
    await fleet.publish({ channels, perSecond: 40, padBytes: 128 });
    asking = askAgainAndAgain({ application, rig, fleet, channel }, over.signal);
    await fleet.cut();
    await fleet.returned(1, 30_000);
    // More at once than are taken.
    if (kept === '') await fleet.open({ clients: 120, channels }, { perSecond: 100_000 });
    else await delay(20_000);
    await fleet.cut();
    await untilOnly([...quiet.keys()]);
    const { counters } = await fleet.tally();
    context.diagnostic(`${names.length} queries; ${JSON.stringify(counters)}`);
    assert.ok(counters.deliveries > 0 && (kept !== '' || counters.refused > 0) && counters.recovered > 0);
  });

  test('npm run panels draws every dashboard from it, and says so where there is none', async () => {
    // For whoever looks at them the curves are to be of a whole minute.
    if (kept !== '') await delay(70_000);
    const folder = kept === '' ? mkdtempSync(join(tmpdir(), 'pharos-panels-')) : kept;
    try {
      const drawn = await panels(
        '--prometheus',
        prometheus.url,
        '--minutes',
        '1',
        '--rate',
        rateInterval,
        '--out',
        folder,
      );
      assert.equal(drawn.status, 0, drawn.stderr);
      const pages = readdirSync(folder).filter((name) => name.endsWith('.html'));
      assert.deepEqual(
        pages.sort(),
        dashboardIds()
          .map((uid) => `${uid}.html`)
          .sort(),
      );
      const fleetPage = readFileSync(join(folder, 'pharos-fleet.html'), 'utf8');
      assert.match(fleetPage, /<h3>Connections by transport<\/h3><svg[^>]*>(?:(?!<\/svg>)[^])*<path/, 'a curve');
      if (unavailable('chromium') === false) {
        for (const uid of dashboardIds()) {
          const picture = readFileSync(join(folder, `${uid}.png`));
          assert.equal(picture.toString('latin1', 1, 4), 'PNG', uid);
        }
      }
      const none = await panels('--prometheus', 'http://127.0.0.1:1', '--out', folder);
      assert.equal(none.status, 1);
      assert.match(none.stderr, /^nothing to draw from http:\/\/127\.0\.0\.1:1: /m);
      assert.doesNotMatch(none.stderr, /^ +at /m, 'a reason, no stack');
      assert.equal((await panels('--minutes', 'ten')).status, 2);
    } finally {
      if (kept === '') rmSync(folder, { recursive: true });
    }
  });

  test('the others have data when something is wrong: an edge dies, a process drains, backend or Redis go, logs take nothing', async () => {
    const [edge] = rig.of('edge');
    const [server] = rig.of('api');
    const { redis } = rig;
    assert.ok(edge !== undefined && server !== undefined && redis !== undefined);
    await edge.kill();
    await counted(rig, ['presence pharos_presence_reaped_total']);
    await edge.start();
    await drainedSlowly(server, redis, prometheus);
    await application.backend.stop();
    await counted(rig, ['edge pharos_edge_proxy_retries_total', 'api pharos_api_proxy_retries_total']);
    await application.backend.listen();
    await redis.kill();
    // Members that go and come are written.
    await fleet.cut();
    await counted(rig, [
      'edge pharos_edge_store_errors_total',
      'edge pharos_edge_presence_errors_total',
      'presence pharos_presence_errors_total',
      'history pharos_history_store_errors_total',
    ]);
    await redis.start();
    await terminate(rig, rig.topic);
    await terminate(rig, lifecycleTopic(rig.topic));
    // Who goes and comes can't be told.
    await fleet.cut();
    await counted(rig, ['edge pharos_edge_lifecycle_publish_errors_total']);
    // What the edge has counted is seen before it dies.
    await untilOnly(['pharos-path / Joins and leaves that could not be published / presence: {{code}}']);
    await edge.kill();
    await counted(rig, ['presence pharos_presence_publish_errors_total']);
    await untilOnly([]);
  });
});

/** `npm run panels` in a process of its own. */
async function panels(
  ...args: readonly string[]
): Promise<{ readonly status: number | null; readonly stderr: string }> {
  const loading = ['--conditions=source', '--import', 'tsx', fileURLToPath(drawing)];
  const child = await spawnService(process.execPath, [...loading, ...args]);
  const { code } = await child.exited;
  return { status: code, stderr: child.stderr.tail() };
}

const drawing = new URL('../../deploy/observability/src/draw/main.ts', import.meta.url);
const dataTimeoutMs = 60_000;
const askEveryMs = 300;

interface Everyday {
  readonly application: Application;
  readonly rig: Rig;
  readonly fleet: LoadFleet;
  readonly channel: string;
}

/** What applications ask the server API and lay on its topic, and clients ask an edge; some of it is refused. */
async function askAgainAndAgain({ application, rig, fleet, channel }: Everyday, signal: AbortSignal): Promise<void> {
  const [edge] = rig.of('edge');
  const [server] = rig.of('api');
  assert.ok(edge !== undefined && server !== undefined);
  const { sdk, subscription } = application.streamed(edge, channel);
  const api = (method: string, params: object, key?: string): Promise<void> =>
    application.call(server, method, params, key);
  for (let turn = 0; !signal.aborted; turn++) {
    const since = { offset: 0, epoch: '' };
    // While edges die and Redis is away, so do questions.
    await Promise.allSettled([
      fleet.ask('presence', { channel }, turn),
      fleet.ask('presence_stats', { channel }, turn),
      fleet.ask('history', { channel, limit: 10, since }, turn),
      fleet.ask('subscribe', { channel: '' }, turn),
      fleet.ask('rpc', { method: 'of-the-application', data: {} }, turn),
      ...(subscription.state === SubscriptionState.Subscribed ? [subscription.publish({})] : []),
      api('publish', { channel, data: {}, idempotency_key: `turn ${turn}` }),
      api('presence', { channel }),
      api('history', { channel, limit: 1 }),
      api('rpc', { method: 'of-the-application' }),
      api('publish', { channel }),
      api('info', {}, 'no key'),
      application.command('publish', { channel, data: {} }),
    ]);
    await delay(askEveryMs);
  }
  sdk.disconnect();
}

/** Redis stands still, so that the server API has requests under way and drains for as long as it takes to be seen. */
async function drainedSlowly(server: ServiceNode, redis: RedisServer, prometheus: PrometheusServer): Promise<void> {
  redis.pause();
  const isBusy = async (): Promise<true | undefined> => (await server.metric('pharos_api_requests')) > 0 || undefined;
  await eventually(isBusy, 'a request under way');
  const stopped = server.stop();
  const isSeen = async (): Promise<true | undefined> => {
    const now = Date.now() / 1_000;
    const series = await prometheus.queryRange('pharos_draining > 0', { start: now - 10, end: now, step: 1 });
    return series.length > 0 || undefined;
  };
  await eventually(isSeen, 'a scrape while it drains').finally(() => redis.resume());
  await stopped;
  await server.start();
}

/** Resolves when each of these counters, `<role> <metric>`, has counted something in one of its processes. */
async function counted(rig: Rig, counters: readonly string[]): Promise<void> {
  const isSo = async (): Promise<true | undefined> => {
    const sums = await Promise.all(
      counters.map(async (counter) => {
        const [role, metric = ''] = counter.split(' ');
        const counts = rig.nodes
          .filter((node) => node.role === role && node.isRunning)
          .map((node) => node.metric(metric));
        return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
      }),
    );
    return sums.every((count) => count > 0) || undefined;
  };
  await eventually(isSo, counters.join(' and '));
}

/** From now on the log takes nothing: a terminated topic is for reading only. */
async function terminate({ pulsar, lanes }: Rig, topic: string): Promise<void> {
  const path = topic.replace('://', '/');
  for (let lane = 0; lane < lanes; lane++) {
    const url = `${pulsar.adminUrl}/admin/v2/${path}-partition-${lane}/terminate`;
    const response = await fetch(url, { method: 'POST' });
    assert.equal(response.status, 200, `${url}: ${await response.text()}`);
  }
}

import type { Bus } from '@pharos/bus';
import { type ChannelConfig, type Namespaces, openNamespaces } from '@pharos/channels';
import type { HistoryStore } from '@pharos/history';
import type { Service } from '@pharos/lifecycle';
import type { PresenceStore } from '@pharos/presence';
import type { HttpRoute } from '@pharos/socket-server';
import type { Logger, Metrics, Readiness } from '@pharos/telemetry';

import type { ControlConfig } from '@pharos/control';
import { ControlPlane } from './control/control-plane.ts';
import { Api } from './api.ts';
import { type HttpApiConfig, keysOf } from './config.ts';
import { ApiRoutes } from './http/routes.ts';
import { KeyedPublishes } from './idempotency/keyed-publishes.ts';
import type { IdempotencyStore } from './idempotency/port.ts';
import { ApiKeys } from './keys.ts';
import { LaneWatches } from './lanes/lane-watches.ts';
import { ApiMetrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { apiVersion } from './version.ts';

/** What the service is made of; whoever makes it owns bus, stores and socket server, and closes them afterwards. */
export interface ApiServiceParts {
  readonly channel: ChannelConfig;
  readonly config: HttpApiConfig;
  readonly control: ControlConfig;
  readonly bus: Bus;
  readonly history?: HistoryStore;
  readonly presence?: PresenceStore;
  /** Without it no publish takes an idempotency key. */
  readonly idempotency?: IdempotencyStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The server API. Its routes are to be given to a socket server before it listens; they answer 503 until `run` has resolved. */
export class ApiService implements Service {
  readonly #parts: ApiServiceParts;
  readonly #metrics: ApiMetrics;
  readonly #routes: ApiRoutes;
  readonly #watches: LaneWatches;
  readonly #control: ControlPlane;
  readonly #keyed: KeyedPublishes | undefined;
  readonly #stopping = new AbortController();
  #api: Api | undefined;
  #state: 'starting' | 'running' | 'draining' | 'stopped' = 'starting';
  /** Why the logs aren't open yet; empty until the first try has failed. */
  #waitsFor = '';

  constructor(parts: ApiServiceParts) {
    this.#parts = parts;
    const { config, logger, idempotency: store } = parts;
    const metrics = new ApiMetrics(parts.metrics);
    this.#metrics = metrics;
    this.#control = new ControlPlane({
      config: parts.control,
      bus: parts.bus,
      logger,
      publishTimeoutMs: config.publish_timeout,
      surveyTimeoutMs: config.survey_timeout,
    });
    this.#watches = new LaneWatches({ logger, metrics });
    this.#keyed = store === undefined ? undefined : new KeyedPublishes({ store, logger, metrics });
    this.#routes = new ApiRoutes({
      keys: new ApiKeys(keysOf(config)),
      bodyLimit: config.body_limit,
      maxRequests: config.max_requests,
      metrics,
      api: () =>
        this.#state === 'running' && this.#api !== undefined ? this.#api : this.readiness().reasons.join('; '),
      openApi: JSON.stringify(openApiDocument(apiVersion), undefined, 2),
    });
  }

  get routes(): HttpRoute[] {
    return this.#routes.all();
  }

  readiness(): Readiness {
    const reasons: string[] = [];
    if (this.#state === 'starting') reasons.push(`starting: the logs are not open yet${this.#waitsFor}`);
    if (this.#state === 'draining' || this.#state === 'stopped') reasons.push('draining');
    return { ready: reasons.length === 0, reasons };
  }

  async run(): Promise<void> {
    const namespaces = await this.#openNamespaces();
    if (namespaces === undefined || this.#stopping.signal.aborted) return;
    const { config, logger, history, presence } = this.#parts;
    for (const log of namespaces.logs) {
      for (const limitation of log.limitations) logger.warn({ topic: log.topic }, limitation);
    }
    this.#api = new Api({
      namespaces,
      watches: this.#watches,
      history,
      presence,
      control: this.#control,
      keyed: this.#keyed,
      logger,
      metrics: this.#metrics,
      publishTimeoutMs: config.publish_timeout,
      readTimeoutMs: config.read_timeout,
      maxMembers: config.max_members,
    });
    await this.#control.run();
    if (this.#state === 'starting') this.#state = 'running';
  }

  /** New requests are refused, those under way are answered. */
  async drain(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'draining';
    await this.#routes.settled();
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.#stopping.abort();
    this.#keyed?.stop();
    await this.#control.stop();
    await this.#watches.close();
  }

  #openNamespaces(): Promise<Namespaces | undefined> {
    const { bus, channel, logger } = this.#parts;
    return openNamespaces({
      ...{ bus, channel, logger, signal: this.#stopping.signal, lifecycle: false },
      onWaiting: (reason) => (this.#waitsFor = `: ${reason}`),
    });
  }
}

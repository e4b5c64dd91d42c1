import type { Bus } from '@pharos/bus';
import { type ChannelConfig, keepingLogs, Namespaces, openNamespaces } from '@pharos/channels';
import type { HistoryStore } from '@pharos/history';
import type { PresenceStore } from '@pharos/presence';
import type { Prepared, ReloadableService } from '@pharos/service';
import { type NamedProxyConfig, Proxies, type RpcConfig } from '@pharos/proxies';
import type { HttpRoute } from '@pharos/socket-server';
import type { Logger, Metrics, Readiness, Tracing } from '@pharos/telemetry';

import type { ControlConfig } from '@pharos/control';
import { ControlPlane } from './control/control-plane.ts';
import { Api } from './api.ts';
import { CommandConsumer } from './commands/command-consumer.ts';
import { DeadLetters } from './commands/dead-letters.ts';
import { commandTopics } from './commands/topics.ts';
import { type CommandsConfig, type HttpApiConfig, keysOf } from './config.ts';
import { ApiRoutes, type RouteSettings } from './http/routes.ts';
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
  /** Methods of the application, and the proxies that they may name. */
  readonly rpc: RpcConfig;
  readonly proxies: readonly NamedProxyConfig[];
  /** Where commands lie, beside those over HTTP. @default nowhere */
  readonly commands?: CommandsConfig;
  /** The pause after a command's first try that failed, which then doubles. @default 500 */
  readonly commandRetryMs?: number;
  readonly bus: Bus;
  readonly history?: HistoryStore;
  readonly presence?: PresenceStore;
  /** Without it no publish takes an idempotency key. */
  readonly idempotency?: IdempotencyStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing;
}

/** The settings that it takes up while it runs are among these. */
export interface ApiSettings {
  readonly channel: ChannelConfig;
  readonly http_api: HttpApiConfig;
  readonly rpc: RpcConfig;
  readonly proxies: readonly NamedProxyConfig[];
}

/** The server API. Its routes are to be given to a socket server before it listens; they answer 503 until `run` has resolved. */
export class ApiService implements ReloadableService<ApiSettings> {
  readonly reloads: readonly string[] = [
    'channel',
    'http_api.key',
    'http_api.keys',
    'http_api.body_limit',
    'http_api.max_requests',
    'http_api.read_timeout',
    'http_api.max_members',
    'rpc',
    'proxies',
  ];
  readonly #parts: ApiServiceParts;
  readonly #metrics: ApiMetrics;
  readonly #routes: ApiRoutes;
  readonly #watches: LaneWatches;
  readonly #control: ControlPlane;
  readonly #keyed: KeyedPublishes | undefined;
  readonly #proxies: Proxies;
  readonly #stopping = new AbortController();
  readonly #commands: CommandConsumer | undefined;
  #api: Api | undefined;
  #channel: ChannelConfig;
  #namespaces: Namespaces | undefined;
  #state: 'starting' | 'running' | 'draining' | 'stopped' = 'starting';
  /** Why the logs aren't open yet; empty until the first try has failed. */
  #waitsFor = '';

  constructor(parts: ApiServiceParts) {
    this.#parts = parts;
    this.#channel = parts.channel;
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
    this.#watches = new LaneWatches({ logger, metrics, tracing: parts.tracing });
    this.#keyed = store === undefined ? undefined : new KeyedPublishes({ store, logger, metrics });
    this.#proxies = new Proxies({ rpc: parts.rpc, named: parts.proxies }, metrics.proxies, logger);
    this.#routes = new ApiRoutes({
      settings: settingsOf(config),
      metrics,
      api: () =>
        this.#state === 'running' && this.#api !== undefined ? this.#api : this.readiness().reasons.join('; '),
      openApi: JSON.stringify(openApiDocument(apiVersion), undefined, 2),
    });
    this.#commands = this.#newConsumer();
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
    const { config, logger } = this.#parts;
    for (const log of namespaces.logs) {
      for (const limitation of log.limitations) logger.warn({ topic: log.topic }, limitation);
    }
    this.#takeUp(namespaces, config);
    await this.#control.run();
    if (this.#state !== 'starting') return;
    this.#state = 'running';
    await this.#commands?.run();
  }

  async prepareReload({ channel: next, http_api: config, rpc, proxies }: ApiSettings): Promise<Prepared> {
    const { bus, logger } = this.#parts;
    const { channel, kept } = keepingLogs(this.#channel, next);
    const { without_namespace: without, namespaces: named } = channel;
    const takeProxies = this.#proxies.prepare({ rpc, named: proxies });
    const namespaces = await Namespaces.open(bus, without, named, { previous: this.#namespaces });
    const take = (): void => {
      takeProxies();
      if (kept.length > 0) logger.warn({ kept }, `only a restart changes these: ${kept.join(', ')}`);
      this.#channel = channel;
      this.#routes.configure(settingsOf(config));
      this.#takeUp(namespaces, config);
    };
    return { take, discard: () => namespaces.discard() };
  }

  /** Requests from now on are worked on with these; those under way go on with what they began with. */
  #takeUp(namespaces: Namespaces, config: HttpApiConfig): void {
    const { config: started, logger, history, presence } = this.#parts;
    this.#namespaces = namespaces;
    this.#api = new Api({
      namespaces,
      watches: this.#watches,
      history,
      presence,
      control: this.#control,
      keyed: this.#keyed,
      proxies: this.#proxies,
      logger,
      metrics: this.#metrics,
      tracing: this.#parts.tracing,
      publishTimeoutMs: started.publish_timeout,
      readTimeoutMs: config.read_timeout,
      maxMembers: config.max_members,
    });
  }

  /** New requests are refused, those under way are answered; commands are left to others but for those that are begun. */
  async drain(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'draining';
    await Promise.all([this.#routes.settled(), this.#commands?.drain()]);
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.#stopping.abort();
    await this.#commands?.stop();
    this.#keyed?.stop();
    await this.#proxies.stop();
    await this.#control.stop();
    await this.#watches.close();
  }

  #newConsumer(): CommandConsumer | undefined {
    const { bus, commands, commandRetryMs: retryMs, logger } = this.#parts;
    const topics = commands === undefined ? undefined : commandTopics(commands);
    if (commands === undefined || topics === undefined) return undefined;
    const { topic, subscription, deadLetters: spec } = topics;
    return new CommandConsumer({
      bus,
      topic,
      subscription,
      scopes: commands.scopes,
      maxUnderWay: commands.max_under_way,
      maxAttempts: commands.max_attempts,
      ...(retryMs === undefined ? {} : { retryMs }),
      deadLetters: new DeadLetters({ bus, spec, source: topic, logger }),
      api: () => {
        if (this.#api === undefined) throw new TypeError('the API has not begun');
        return this.#api;
      },
      logger,
      metrics: this.#metrics,
    });
  }

  #openNamespaces(): Promise<Namespaces | undefined> {
    const { bus, channel, logger } = this.#parts;
    return openNamespaces({
      ...{ bus, channel, logger, signal: this.#stopping.signal, lifecycle: false },
      onWaiting: (reason) => (this.#waitsFor = `: ${reason}`),
    });
  }
}

function settingsOf(config: HttpApiConfig): RouteSettings {
  return { keys: new ApiKeys(keysOf(config)), bodyLimit: config.body_limit, maxRequests: config.max_requests };
}

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Bus } from '@pharos/bus';
import { Revocations } from '@pharos/control';
import type { HistoryStore } from '@pharos/history';
import { withDeadline } from '@pharos/lifecycle';
import type { PresenceStore } from '@pharos/presence';
import { Proxies } from '@pharos/proxies';
import { type Identity, type Prepared, type ReloadableService, startInternalListener } from '@pharos/service';
import { checkAddress, type SocketServer } from '@pharos/socket-server';
import { type InternalServer, type Logger, type Metrics, type Readiness, type Tracing } from '@pharos/telemetry';

import { EdgeControl } from './control/edge-control.ts';
import { Admission } from './accept/admission.ts';
import { defaultConnectionLimit } from './accept/descriptors.ts';
import { Authority } from './auth/authority.ts';
import { Expirations } from './auth/expirations.ts';
import { pageRoutes } from './accept/page-routes.ts';
import { textRoute } from './accept/text-route.ts';
import type { EdgeConfig } from './config.ts';
import { KnownEdges } from './control/known-edges.ts';
import { inWaves } from './drain/waves.ts';
import { Emulation } from './emulation/emulation.ts';
import { Publisher } from './inbound/publisher.ts';
import { admissionLimits, edgeReloads, originCheck, proxiesConfig } from './limits.ts';
import { EdgeMetrics } from './metrics.ts';
import { type Namespaces, openNamespaces } from '@pharos/channels';
import { ChannelNumbers } from './outbound/channel-numbers.ts';
import { Flusher } from './outbound/flusher.ts';
import { Hub } from './outbound/hub.ts';
import { replayLimits, ReplayReaders } from './outbound/replay/replay-readers.ts';
import { Relay } from './outbound/relay.ts';
import { Rings } from './outbound/rings.ts';
import { SlowSweep } from './outbound/slow-sweep.ts';
import { loadPageAssets } from './page/assets.ts';
import { EdgePresence } from './presence/edge-presence.ts';
import type { PresenceMetrics } from './presence/metrics.ts';
import { EdgeSettings } from './settings.ts';
import { declareTransports, usesEmulation } from './transports.ts';
import { serverVersion } from './version.ts';
import { type Carrier, webSocketCarrier } from './session/carrier.ts';
import { Oversized } from './session/answer-size.ts';
import type { DrainableSession, SessionContext, SessionLimits } from './session/context.ts';
import { Connections } from './session/connections.ts';
import { Liveness } from './session/liveness.ts';

/** How long a drain waits for clients to take what they are still to have: who reads at all is done by then. */
const flushMs = 3_000;

/** The same for what the backend is asked: its answer may be what is published. */
const backendMs = 3_000;

/** What an edge is made of; whoever makes it owns bus and stores, and closes them. */
export interface EdgeParts {
  readonly config: EdgeConfig;
  /** Stable name of the edge and the number of this boot, as the bus uses them. */
  readonly identity: Identity;
  readonly bus: Bus;
  readonly server: SocketServer;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What channels had before the ring; without it nothing older is recovered. */
  readonly history?: HistoryStore;
  /** Who is in which channel; without it nobody can ask, and no joins and leaves are told. */
  readonly presence?: PresenceStore;
  readonly tracing?: Tracing;
}

/** An edge: the connections of clients, what they publish into the logs, and the lanes that are fanned out to them. */
export class Edge implements ReloadableService<EdgeConfig> {
  readonly reloads: readonly string[] = edgeReloads;
  readonly #parts: EdgeParts;
  readonly #edgeMetrics: EdgeMetrics;
  readonly #admission: Admission;
  readonly #publisher: Publisher;
  readonly #sweep: SlowSweep;
  readonly #relay: Relay;
  readonly #flusher: Flusher;
  readonly #hub: Hub;
  readonly #rings: Rings;
  readonly #liveness: Liveness;
  readonly #authority: Authority;
  readonly #expirations: Expirations;
  readonly #subExpirations: Expirations;
  readonly #backendExpirations = new Expirations(0);
  readonly #proxies: Proxies;
  readonly #oversized: Oversized;
  readonly #presence: EdgePresence | undefined;
  /** Found out once: to ask holds the event loop up, longer with each connection. */
  readonly #descriptors: number = defaultConnectionLimit();
  readonly #sessions = new Set<DrainableSession>();
  readonly #connections = new Connections();
  readonly #edges = new KnownEdges();
  readonly #control: EdgeControl;
  readonly #emulation: Emulation;
  readonly #stopping = new AbortController();
  readonly #settings: EdgeSettings;
  #internal: InternalServer | undefined;
  #state: 'starting' | 'running' | 'draining' | 'stopped' = 'starting';
  #port = 0;
  /** Why the logs aren't open yet, for readiness; empty until the first try has failed. */
  #waitsFor = '';

  constructor(parts: EdgeParts) {
    this.#parts = parts;
    const { config, logger, server } = parts;
    const metrics = new EdgeMetrics(parts.metrics);
    this.#edgeMetrics = metrics;
    this.#settings = new EdgeSettings(config);
    this.#admission = new Admission(admissionLimits(config, this.#descriptors), originCheck(config), metrics);
    this.#publisher = new Publisher(config.pulsar.publish_timeout, metrics, logger, parts.tracing);
    this.#sweep = new SlowSweep(config.client.queue_max_size);
    this.#relay = new Relay(server);
    this.#flusher = new Flusher(this.#relay, this.#sweep, metrics, parts.tracing);
    this.#rings = new Rings({
      maxLaneBytes: config.ring.max_lane_size,
      maxBytes: config.ring.max_size,
      maxAgeMs: config.ring.max_age,
    });
    metrics.readRingBytes = () => this.#rings.bytes;
    const { history } = parts;
    this.#hub = new Hub({
      logger,
      metrics,
      flusher: this.#flusher,
      numbers: new ChannelNumbers(),
      rings: this.#rings,
      ...(history === undefined ? {} : { store: history }),
      replay: new ReplayReaders(
        { ...replayLimits, maxReaders: config.replay.max_readers, cacheBytes: config.replay.cache_size },
        metrics,
      ),
    });
    const revocations = new Revocations();
    this.#authority = new Authority({
      revocations,
      connection: config.client.token,
      subscription: config.client.subscription_token,
      verified: metrics.tokens,
      logger,
    });
    this.#expirations = new Expirations(config.client.expired_close_delay);
    this.#subExpirations = new Expirations(config.client.expired_sub_close_delay);
    this.#oversized = new Oversized(logger);
    this.#proxies = new Proxies(proxiesConfig(config), metrics.proxies, logger);
    this.#liveness = new Liveness({
      pingIntervalMs: config.client.ping_interval,
      pongTimeoutMs: config.client.pong_timeout,
      connectTimeoutMs: config.client.stale_close_delay,
    });
    this.#presence = this.#newPresence(metrics.presence);
    const { bus } = parts;
    const inbox = { node: this.#node, bus, config: config.control, edges: this.#edges };
    this.#emulation = new Emulation({ ...inbox, logger, metrics });
    this.#control = this.#newControl(revocations);
  }

  #newControl(revocations: Revocations): EdgeControl {
    const { config, logger, bus, identity } = this.#parts;
    const asked = {
      node: this.#node,
      name: identity.name,
      version: serverVersion,
      startedMs: performance.now(),
      sessions: this.#sessions,
      connections: this.#connections,
      hub: this.#hub,
    };
    return new EdgeControl({
      ...{ config: config.control, bus, asked, revocations, edges: this.#edges, logger, metrics: this.#edgeMetrics },
      emulated: (digest) => this.#emulation.sessions.withDigest(digest),
      sessionKey: this.#emulation.sessions.key,
    });
  }

  #newPresence(metrics: PresenceMetrics): EdgePresence | undefined {
    const { config, logger, presence: store } = this.#parts;
    if (store === undefined) return undefined;
    return new EdgePresence({
      store,
      node: this.#node,
      about: () => Buffer.from(JSON.stringify({ version: serverVersion, clients: this.#sessions.size })),
      leaseMs: config.presence.lease,
      renewMs: config.presence.renew_interval,
      maxMembers: config.presence.max_members,
      publishTimeoutMs: config.pulsar.publish_timeout,
      logger,
      metrics,
    });
  }

  /** Where clients connect; 0 until `run` has resolved. */
  get port(): number {
    return this.#port;
  }

  /** This boot of this edge, for clients and other edges. */
  get #node(): string {
    const { name, boot } = this.#parts.identity;
    return `${name}-${boot}`;
  }

  /** Where metrics and health are; 0 where they are not served. */
  get internalPort(): number {
    return this.#internal?.port ?? 0;
  }

  /** Says whether a load balancer should send clients here. An outage of the log after the start doesn't count: all edges would go at once. */
  readiness(): Readiness {
    const reasons: string[] = [];
    if (this.#state === 'starting') reasons.push(`starting: the logs are not open yet${this.#waitsFor}`);
    if (this.#state === 'draining' || this.#state === 'stopped') reasons.push('draining');
    else if (!this.#admission.open) reasons.push('at the connection limit');
    return { ready: reasons.length === 0, reasons };
  }

  async run(): Promise<void> {
    const { config, server, logger, metrics } = this.#parts;
    // A port that is in use is to be said now, and not when the logs are open at last.
    await checkAddress(config.listen.host, config.listen.port);
    const assets = config.chat.page ? await loadPageAssets() : [];
    if (this.#isStopped()) return;
    await this.#runInternal();
    if (this.#isStopped()) return this.#internal?.stop();
    const namespaces = await this.#openNamespaces();
    if (namespaces === undefined || this.#isStopped()) return;
    this.#settings.opened(namespaces);
    for (const log of namespaces.logs) {
      for (const limitation of log.limitations) logger.warn({ topic: log.topic }, limitation);
    }
    this.#rings.run(namespaces.recoverableLogs);
    this.#presence?.takeUp(namespaces);
    await this.#runPresence(namespaces);
    // Before clients come: none may be let in by a token that was revoked.
    await Promise.all([this.#control.run(), usesEmulation(config) ? this.#emulation.run() : undefined]);
    if (this.#isStopped()) return;
    const contextOf = (carrier: Carrier): SessionContext => this.#context(carrier);
    declareTransports({
      ...{ config, server, contextOf, admission: this.#admission },
      ...{ relay: this.#relay, emulation: this.#emulation, metrics: this.#edgeMetrics },
    });
    const context = this.#context(webSocketCarrier);
    const { message_size_limit: maxPayloadBytes } = config.websocket;
    const chat = this.#settings.chat(this.#hub);
    if (chat !== undefined) server.webSocket(textRoute(this.#admission, context, chat, maxPayloadBytes));
    for (const route of pageRoutes(assets)) server.http(route);
    // Before clients come: after a deploy, all of them want to resume.
    await this.#hub.warm(namespaces.recoverableLogs, config.ring.prefill_timeout);
    if (this.#isStopped()) return;
    const port = await server.listen(config.listen.host, config.listen.port);
    // Stopped meanwhile: the server had nothing to stop then.
    if (this.#isStopped()) return server.pauseAccepting();
    this.#liveness.run();
    this.#expirations.run();
    this.#subExpirations.run();
    this.#backendExpirations.run();
    this.#port = port;
    this.#state = 'running';
    logger.info(
      {
        port: this.#port,
        internalPort: this.internalPort,
        socket: server.implementation,
        metrics: metrics.describe().length,
      },
      `edge ${this.#parts.identity.name} listens at ${config.listen.host}:${this.#port}`,
    );
  }

  async prepareReload(next: EdgeConfig): Promise<Prepared> {
    const { bus, logger, config: running } = this.#parts;
    const takeProxies = this.#proxies.prepare(proxiesConfig(next));
    const takeTokens = this.#authority.prepare(next.client.token, next.client.subscription_token);
    const settings = await this.#settings.prepare(next, bus, this.#presence !== undefined);
    const { namespaces, kept } = settings;
    if (this.#settings.namespaces.withPresence.length === 0) await this.#runPresence(namespaces);
    const take = (): void => {
      if (kept.length > 0) logger.warn({ kept }, `only a restart changes these: ${kept.join(', ')}`);
      settings.take();
      takeTokens();
      takeProxies();
      this.#sweep.limitBytes = next.client.queue_max_size;
      // Where it listens only a restart changes.
      const origins = originCheck({ ...next, listen: running.listen });
      this.#admission.configure(admissionLimits(next, this.#descriptors), origins);
      this.#presence?.takeUp(namespaces);
      this.#rings.follow(namespaces.recoverableLogs);
      this.#hub.beginRings();
    };
    return { take, discard: () => namespaces.discard() };
  }

  /** Not ready, no new connections, publishes under way are answered, clients are sent elsewhere in waves, with all that is theirs. */
  async drain(): Promise<void> {
    if (this.#state !== 'running') return;
    this.#state = 'draining';
    this.#admission.close();
    this.#parts.server.pauseAccepting();
    this.#edgeMetrics.draining.set(1);
    this.#parts.logger.info({ connections: this.#sessions.size }, 'draining');
    await inWaves(
      [...this.#sessions],
      this.#parts.config.drain_timeout,
      (session) => session.shutdown(),
      this.#stopping.signal,
    );
    const answered = withDeadline(this.#proxies.settled(), backendMs, "the backend's answers").catch(() => undefined);
    await Promise.all([answered, this.#publisher.settled()]);
    await nextTurn();
    await this.#publisher.settled();
    // The answers leave in this turn.
    await nextTurn();
    for (const session of [...this.#sessions]) session.shutdownNow();
    await withDeadline(this.#parts.server.flushed(), flushMs, 'the flush').catch(() => {
      this.#parts.logger.warn('some clients have not read all that was sent to them; their connections are dropped');
    });
    await Promise.all([this.#presence?.drain(), this.#control.drain()]);
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.#stopping.abort();
    this.#liveness.stop();
    this.#expirations.stop();
    this.#subExpirations.stop();
    this.#backendExpirations.stop();
    await this.#proxies.stop();
    this.#publisher.stop();
    this.#oversized.stop();
    await this.#presence?.stop();
    await Promise.all([this.#control.stop(), this.#emulation.stop()]);
    await this.#hub.close();
    this.#rings.stop();
    this.#flusher.stop();
    this.#sweep.stop();
    await this.#parts.server.stop();
    await this.#internal?.stop();
  }

  async #runPresence(namespaces: Namespaces): Promise<void> {
    const { withPresence } = namespaces;
    if (withPresence.length === 0) return;
    if (this.#presence !== undefined) return this.#presence.run();
    this.#parts.logger.warn(
      { namespaces: withPresence },
      'presence and join_leave of these namespaces are off: they need a store, and redis.url is not set',
    );
  }

  async #runInternal(): Promise<void> {
    const { config, logger, metrics } = this.#parts;
    const readiness = (): Readiness => this.readiness();
    this.#internal = await startInternalListener(config.internal, { metrics, logger, readiness });
  }

  #openNamespaces(): Promise<Namespaces | undefined> {
    const { bus, config, logger } = this.#parts;
    const { channel } = config;
    return openNamespaces({
      ...{ bus, channel, logger, signal: this.#stopping.signal, lifecycle: this.#presence !== undefined },
      onWaiting: (reason) => (this.#waitsFor = `: ${reason}`),
    });
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  #context(carrier: Carrier): SessionContext {
    const { logger } = this.#parts;
    const settings = this.#settings;
    return {
      logger,
      metrics: this.#edgeMetrics,
      get namespaces(): Namespaces {
        return settings.namespaces;
      },
      get limits(): SessionLimits {
        return settings.limits;
      },
      publisher: this.#publisher,
      hub: this.#hub,
      presence: this.#presence,
      liveness: this.#liveness,
      authority: this.#authority,
      proxies: this.#proxies,
      oversized: this.#oversized,
      expirations: this.#expirations,
      subExpirations: this.#subExpirations,
      backendExpirations: this.#backendExpirations,
      sessions: this.#sessions,
      connections: this.#connections,
      carrier,
      node: this.#node,
    };
  }
}

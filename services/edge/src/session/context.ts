import type { Proxies } from '@pharos/proxies';
import type { Logger } from '@pharos/telemetry';

import type { Authority } from '../auth/authority.ts';
import type { Expirations } from '../auth/expirations.ts';
import type { Publisher } from '../inbound/publisher.ts';
import type { EdgeMetrics } from '../metrics.ts';
import type { Namespace, Namespaces } from '@pharos/channels';
import type { Hub } from '../outbound/hub.ts';
import type { LaneFeed } from '../outbound/lane-feed.ts';
import type { EdgePresence } from '../presence/edge-presence.ts';
import type { Oversized } from './answer-size.ts';
import type { Carrier } from './carrier.ts';
import type { CommandLimits } from './command-rates.ts';
import type { Connections } from './connections.ts';
import type { Liveness } from './liveness.ts';

/** What a drain needs of any kind of session. */
export interface DrainableSession {
  /** Ends the connection and tells the client to go elsewhere: once what it published is answered, and deaf until then. */
  shutdown(): void;
  /** The same without waiting for anything. */
  shutdownNow(): void;
}

export interface SessionLimits {
  readonly channelLimit: number;
  readonly queueBytes: number;
  readonly attachTimeoutMs: number;
  readonly allowAnonymous: boolean;
  /** Of one user. @default any number */
  readonly userConnections?: number | undefined;
  /** Of one connection. @default any number */
  readonly commandsPerSecond?: number | undefined;
  /** The same of each kind. */
  readonly commandLimits: CommandLimits;
  /** Commands of one connection that the backend is asked about at the same time. */
  readonly backendConcurrency: number;
  /** Commands of one frame: SDKs send all their subscriptions in one. */
  readonly frameCommands: number;
  /** Publications that one resume may bring. */
  readonly recoveryPublications: number;
  /** Publications that one page of history may bring. */
  readonly historyPublications: number;
  /** Different tag filters that the subscribers of one channel may have. */
  readonly channelFilters: number;
}

/** The plain-text chat's channel, attached from the start. */
export interface ChatContext {
  readonly channel: string;
  readonly namespace: Namespace;
  readonly feed: LaneFeed;
}

/**
 * What all sessions of an edge share, and what those of one endpoint do. Namespaces and limits change when the configuration is reloaded: they
 * are not to be kept.
 */
export interface SessionContext {
  readonly logger: Logger;
  readonly metrics: EdgeMetrics;
  readonly namespaces: Namespaces;
  readonly publisher: Publisher;
  readonly hub: Hub;
  /** Without a store nobody is anybody's member. */
  readonly presence: EdgePresence | undefined;
  readonly liveness: Liveness;
  readonly authority: Authority;
  /** The application's backend. */
  readonly proxies: Proxies;
  readonly oversized: Oversized;
  readonly expirations: Expirations;
  /** The same for subscriptions. */
  readonly subExpirations: Expirations;
  /** Of connections and subscriptions whose end the backend decides: without a delay, since no client has anything to do about it. */
  readonly backendExpirations: Expirations;
  readonly limits: SessionLimits;
  readonly sessions: Set<DrainableSession>;
  readonly connections: Connections;
  readonly carrier: Carrier;
  /** This boot of this edge, as it appears in connect results. */
  readonly node: string;
}

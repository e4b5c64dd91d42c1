import type { Encoding } from '@pharos/client-protocol';

import type { Checked } from './delivery-check.ts';
import type { Load, Paced } from './pacer.ts';

/** The one channel of the measurements, and the native topic of the bare server. */
export const benchChannel = 'bench';

/** Where an edge under test reads its publications. */
export type BusChoice =
  | { readonly kind: 'memory' }
  | { readonly kind: 'pulsar'; readonly serviceUrl: string; readonly adminUrl: string; readonly topic: string };

/** What every server under test can do. */
export type ServerCommands = {
  /** Hands each publication of the load to the server at its time; resolves after the last. */
  publish(options: { readonly load: Load; readonly payloadBytes: number }): Promise<Paced>;
  /** Frees what can be freed (needs `--expose-gc`). */
  collectGarbage(): Promise<void>;
};

/** PEM files of a server's certificate and its key. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A whole edge. On Pulsar it refuses `publish`: then publishing is another process's work. */
export type EdgeServerCommands = ServerCommands & {
  /** @param options without a certificate plain TCP */
  start(options: { readonly bus: BusChoice; readonly tls?: Certificate }): Promise<{ readonly port: number }>;
};

/**
 * uWebSockets.js with nothing around it: every connection is subscribed to the channel's topic. What a client sends as a command, by WebSocket or by
 * POST, is answered as if it had been done.
 */
export type FloorServerCommands = ServerCommands & {
  /** @param options without an encoding JSON */
  start(options: { readonly encoding?: Encoding }): Promise<{ readonly port: number }>;
};

/** Publishes to a Pulsar topic. */
export type PublisherCommands = {
  start(options: { readonly serviceUrl: string; readonly topic: string }): Promise<void>;
  /** Resolves when the broker has acknowledged the last. */
  publish(options: { readonly load: Load; readonly payloadBytes: number }): Promise<Paced>;
};

/** Clients of one server, at most 19,000: a process has 20,000 descriptors at most places. */
export type ReceiverCommands = {
  /** Opens more connections; resolves when all of them are subscribed. */
  connect(options: {
    readonly port: number;
    readonly connections: number;
    readonly protocol: ClientProtocol;
    readonly encoding: Encoding;
    /** Over TLS, each with a handshake of its own. @default false */
    readonly secure?: boolean;
  }): Promise<void>;
  /** Resolves when every connection has got `published` publications, or with `false` when the time is up. */
  awaitDeliveries(options: { readonly published: number; readonly timeoutMs: number }): Promise<boolean>;
  /** What has arrived, once everything that the server had sent before is in. */
  check(options: { readonly published: number }): Promise<Checked>;
};

/** How publications are asked for: to the server API by HTTP, one or a hundred in a request, or by a client's command. */
export type Request = 'publish' | 'batch' | 'broadcast' | 'client';

/** Asks a server to publish. */
export type RequesterCommands = {
  /** @param options.key of the server API */
  open(options: RequesterOptions): Promise<void>;
  /** Asks so often, on each connection one request after the other; resolves with the number of publications that were confirmed. */
  ask(options: { readonly count: number }): Promise<number>;
};

export interface RequesterOptions {
  readonly port: number;
  readonly request: Request;
  readonly connections: number;
  readonly payloadBytes: number;
  readonly key: string;
}

/** Publications that one request asks for. */
export function publicationsOf(request: Request): number {
  return request === 'batch' || request === 'broadcast' ? 100 : 1;
}

/** `centrifuge`: connects and subscribes by commands. `bare`: the server subscribes each connection as it opens. */
export type ClientProtocol = 'centrifuge' | 'bare';

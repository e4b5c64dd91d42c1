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

/** A whole edge. On Pulsar it refuses `publish`: then publishing is another process's work. */
export type EdgeServerCommands = ServerCommands & {
  start(options: { readonly bus: BusChoice }): Promise<{ readonly port: number }>;
};

/** uWebSockets.js with nothing around it: every connection is subscribed to the channel's topic. */
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
  }): Promise<void>;
  /** Resolves when every connection has got `published` publications, or with `false` when the time is up. */
  awaitDeliveries(options: { readonly published: number; readonly timeoutMs: number }): Promise<boolean>;
  /** What has arrived, once everything that the server had sent before is in. */
  check(options: { readonly published: number }): Promise<Checked>;
};

/** `centrifuge`: connects and subscribes by commands. `bare`: the server subscribes each connection as it opens. */
export type ClientProtocol = 'centrifuge' | 'bare';

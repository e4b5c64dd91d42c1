import { errorCodes } from '@pharos/client-protocol';
import { ProxyMetrics } from '@pharos/proxies';
import {
  type Counter,
  createRegistry,
  type Gauge,
  type Histogram,
  type MetricDescription,
  Metrics,
} from '@pharos/telemetry';

import { PresenceMetrics } from './presence/metrics.ts';

export type Transport = 'websocket' | 'text' | 'http_stream' | 'sse' | 'uni_websocket' | 'uni_http_stream' | 'uni_sse';

/** Why nothing of a lane can be resumed: its log gives no offsets that can be trusted, or which life of it this is isn't known. */
export type Unrecoverable = 'offsets' | 'epoch';

/** Close codes that are counted by their number; all others, which clients choose, share one series. */
const countedCodes = new Set([
  1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 3000, 3001, 3004, 3005, 3006, 3008, 3009,
  3010, 3011, 3012, 3013, 3014, 3500, 3501, 3502, 3503, 3504, 3505, 3506, 3507, 3508, 3509,
]);

/** The protocol's; all others, which applications choose, share one series. */
const countedErrors = new Set(Object.values(errorCodes).map(({ code }) => code));

/** From a broker beside it to one that is behind. */
const delayBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** What an edge counts. Labels come from closed sets: transport, close code, reason, outcome. */
export class EdgeMetrics {
  readonly connections: Gauge<'transport'>;
  readonly connectionsOpened: Counter<'transport'>;
  readonly connectionsClosed: Counter<'transport' | 'code'>;
  readonly connectionsRefused: Counter<'reason'>;
  readonly connects: Counter<'outcome'>;
  readonly draining: Gauge;
  readonly slowConnections: Counter<'transport'>;
  readonly messagesReceived: Counter<'transport'>;
  readonly commandErrors: Counter<'code'>;
  readonly publishes: Counter<'outcome'>;
  readonly publishSeconds: Histogram;
  readonly laneDelaySeconds: Histogram;
  readonly fanoutSeconds: Histogram;
  readonly deliverySeconds: Histogram;
  readonly subscriptions: Gauge;
  readonly channels: Gauge;
  readonly lanesAttached: Gauge;
  readonly lanesConnected: Gauge;
  readonly entriesRead: Counter;
  readonly publicationsRead: Counter<'interest'>;
  readonly publicationsMisrouted: Counter;
  readonly holes: Counter<'kind'>;
  readonly publicationsLost: Counter;
  readonly framesPublished: Counter<'variant'>;
  readonly deliveries: Counter<'variant'>;
  readonly deliveredBytes: Counter<'variant'>;
  readonly deltas: Counter<'outcome'>;
  readonly deltaSavedBytes: Counter;
  readonly recoveries: Counter<'outcome'>;
  readonly recoveredPublications: Counter;
  readonly recoveredFrom: Counter<'tier'>;
  readonly historyPages: Counter<'outcome'>;
  readonly replayReads: Counter;
  readonly replayBytes: Counter;
  readonly storeSeconds: Histogram<'operation'>;
  readonly storeErrors: Counter<'code'>;
  readonly tokens: Counter<'kind' | 'outcome'>;
  readonly control: Counter<'command'>;
  readonly emulation: Counter<'outcome'>;
  readonly presence: PresenceMetrics;
  readonly proxies: ProxyMetrics;
  /** Asked at each scrape; set by whoever has them. */
  readRingBytes: () => number = () => 0;
  readConnectionLimit: () => number = () => 0;
  readPublishesUnderWay: () => number = () => 0;
  /** The most that waited for one connection of late. */
  readQueueBytes: () => number = () => 0;
  /** Of each reason the attached lanes that should be recoverable and are not. */
  readUnrecoverable: () => Readonly<Record<Unrecoverable, number>> = () => ({ offsets: 0, epoch: 0 });

  constructor(metrics: Metrics) {
    this.connections = metrics.gauge({
      name: 'pharos_edge_connections',
      help: 'Open client connections.',
      labels: ['transport'],
    });
    this.tokens = metrics.counter({
      name: 'pharos_edge_tokens_total',
      help: 'Tokens that were looked at, by what they are for and what came of it.',
      labels: ['kind', 'outcome'],
    });
    this.connectionsOpened = metrics.counter({
      name: 'pharos_edge_connections_opened_total',
      help: 'Client connections that were opened.',
      labels: ['transport'],
    });
    this.connectionsClosed = metrics.counter({
      name: 'pharos_edge_connections_closed_total',
      help: 'Client connections that ended, by close code (1006: without a close frame); other: one that a client or the backend made up.',
      labels: ['transport', 'code'],
    });
    this.connectionsRefused = metrics.counter({
      name: 'pharos_edge_connections_refused_total',
      help: 'Connections refused at the upgrade or request, by reason: origin, connection_limit, connection_rate, address_limit, draining, anonymous (of the plain-text chat, since a reload that demands tokens); of requests: busy, too_large, too_slow, invalid.',
      labels: ['reason'],
    });
    metrics.gauge({
      name: 'pharos_edge_connection_limit',
      help: 'Connections that this edge takes at most; at it the edge is not ready.',
      collect: (gauge) => gauge.set(this.readConnectionLimit()),
    });
    this.connects = metrics.counter({
      name: 'pharos_edge_connects_total',
      help: 'Protocol clients that asked to come in, by what came of it: ok; else the error code of the answer, or the code that the connection was closed with before it was in; other: one of those that the backend may use.',
      labels: ['outcome'],
    });
    this.draining = metrics.gauge({
      name: 'pharos_edge_draining',
      help: '1 while clients are sent elsewhere, before the process ends; 0 else.',
    });
    this.slowConnections = metrics.counter({
      name: 'pharos_edge_slow_connections_total',
      help: 'Connections ended because the client read slower than it was sent to (code 3008).',
      labels: ['transport'],
    });
    metrics.gauge({
      name: 'pharos_edge_queue_max_bytes',
      help: 'The most that waited for one connection to read it, of those that were looked at in the last minute; at client.queue_max_size the connection ends (code 3008).',
      collect: (gauge) => gauge.set(this.readQueueBytes()),
    });
    this.messagesReceived = metrics.counter({
      name: 'pharos_edge_messages_received_total',
      help: 'Messages from clients: chat texts, or protocol frames.',
      labels: ['transport'],
    });
    this.commandErrors = metrics.counter({
      name: 'pharos_edge_command_errors_total',
      help: 'Commands answered with an error, by its code; other: one of those that the backend may use.',
      labels: ['code'],
    });
    this.publishes = metrics.counter({
      name: 'pharos_edge_publishes_total',
      help: "Publications of clients handed to the log, by outcome: ok, or the bus's error code.",
      labels: ['outcome'],
    });
    this.publishSeconds = metrics.histogram({
      name: 'pharos_edge_publish_seconds',
      help: 'Time from a publication of a client to its durable acknowledgement by the log.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    });
    metrics.gauge({
      name: 'pharos_edge_publishes_waiting',
      help: 'Publications of clients that wait for the log.',
      collect: (gauge) => gauge.set(this.readPublishesUnderWay()),
    });
    this.laneDelaySeconds = metrics.histogram({
      name: 'pharos_edge_lane_delay_seconds',
      help: "Time from the log's having an entry (by the broker's clock) to its being read here, of entries with a local subscriber.",
      buckets: delayBuckets,
    });
    this.fanoutSeconds = metrics.histogram({
      name: 'pharos_edge_fanout_seconds',
      help: 'Time from reading the oldest publication of a flush to all its frames being with the sockets: collecting and writing.',
      buckets: [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    });
    this.deliverySeconds = metrics.histogram({
      name: 'pharos_edge_delivery_seconds',
      help: "Time from the log's having the oldest publication of a flush (by the broker's clock) to its being with the sockets.",
      buckets: delayBuckets,
    });
    this.subscriptions = metrics.gauge({
      name: 'pharos_edge_subscriptions',
      help: 'Channel subscriptions of all connections.',
    });
    this.channels = metrics.gauge({ name: 'pharos_edge_channels', help: 'Channels with a subscriber on this edge.' });
    this.lanesAttached = metrics.gauge({ name: 'pharos_edge_lanes_attached', help: 'Lanes that this edge follows.' });
    this.lanesConnected = metrics.gauge({
      name: 'pharos_edge_lanes_connected',
      help: 'Attached lanes whose connection to the log stands.',
    });
    metrics.gauge({
      name: 'pharos_edge_lanes_unrecoverable',
      help: 'Attached lanes with channels that can be resumed by their options, of which nothing can, by reason: offsets (the broker gives none, or they went backwards), epoch (the admin API did not say which life of the log this is). What comes live is delivered.',
      labels: ['reason'],
      collect: (gauge) => {
        for (const [reason, lanes] of Object.entries(this.readUnrecoverable())) gauge.set({ reason }, lanes);
      },
    });
    this.entriesRead = metrics.counter({
      name: 'pharos_edge_entries_read_total',
      help: 'Entries (batches) read from lanes.',
    });
    this.publicationsRead = metrics.counter({
      name: 'pharos_edge_publications_read_total',
      help: 'Publications read from lanes, by whether their channel has a subscriber here: local, none.',
      labels: ['interest'],
    });
    this.publicationsMisrouted = metrics.counter({
      name: 'pharos_edge_publications_misrouted_total',
      help: 'Messages that lie in a lane which their key does not belong to, and were not delivered from there.',
    });
    this.holes = metrics.counter({
      name: 'pharos_edge_offset_holes_total',
      help: 'Jumps of offsets in a lane, by kind: broker (nothing was there), lost (publications are gone).',
      labels: ['kind'],
    });
    this.publicationsLost = metrics.counter({
      name: 'pharos_edge_publications_lost_total',
      help: 'Publications that were gone from the log before this edge could read them; who should have had them is told (unsubscribe 2500).',
    });
    this.framesPublished = metrics.counter({
      name: 'pharos_edge_frames_published_total',
      help: 'Frames made for a channel and variant and handed to the native publish.',
      labels: ['variant'],
    });
    this.deliveries = metrics.counter({
      name: 'pharos_edge_deliveries_total',
      help: 'Publications handed to sockets: one publication to a thousand subscribers counts a thousand.',
      labels: ['variant'],
    });
    this.deliveredBytes = metrics.counter({
      name: 'pharos_edge_delivered_bytes_total',
      help: 'Payload bytes of frames handed to sockets.',
      labels: ['variant'],
    });
    this.deltas = metrics.counter({
      name: 'pharos_edge_deltas_total',
      help: 'Publications with a delta asked for, once for each encoding that somebody takes deltas in: delta; whole, where there was no previous one, or the delta is no shorter.',
      labels: ['outcome'],
    });
    this.deltaSavedBytes = metrics.counter({
      name: 'pharos_edge_delta_saved_bytes_total',
      help: 'Bytes that deltas are shorter by than whole publications, over all who got them.',
    });
    this.recoveries = metrics.counter({
      name: 'pharos_edge_recoveries_total',
      help: 'Subscribes that asked for what was missed, by outcome: recovered; not: off, epoch, history (no more kept), limit (too much), beyond (the log ends before the position), ahead (this edge did not catch up), unavailable (the store was away or behind), crowded (the client read too slowly); the last three are told to try again.',
      labels: ['outcome'],
    });
    this.recoveredPublications = metrics.counter({
      name: 'pharos_edge_recovered_publications_total',
      help: 'Publications sent to clients that had missed them.',
    });
    this.recoveredFrom = metrics.counter({
      name: 'pharos_edge_recovered_total',
      help: 'Resumes that were served, by how far back what they missed was read: ring (memory), store, log.',
      labels: ['tier'],
    });
    this.historyPages = metrics.counter({
      name: 'pharos_edge_history_pages_total',
      help: 'History commands, by outcome: what was served from as far back as ring, store or log; position (limit 0); not: epoch, gone, unavailable, crowded, too_large.',
      labels: ['outcome'],
    });
    this.replayReads = metrics.counter({
      name: 'pharos_edge_replay_reads_total',
      help: 'Parts of logs that were read from the past for history (namespaces with replay).',
    });
    this.replayBytes = metrics.counter({
      name: 'pharos_edge_replay_read_bytes_total',
      help: 'Bytes that these had.',
    });
    this.storeSeconds = metrics.histogram({
      name: 'pharos_edge_store_seconds',
      help: 'Time that the history store took to answer, by operation: recover (questions that wait together share a round trip), state, history.',
      labels: ['operation'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    });
    this.storeErrors = metrics.counter({
      name: 'pharos_edge_store_errors_total',
      help: 'Questions that the history store did not answer, by its error code; no-lane: nothing fills it.',
      labels: ['code'],
    });
    metrics.gauge({
      name: 'pharos_edge_ring_bytes',
      help: 'Memory held by the newest entries of recoverable lanes.',
      collect: (gauge) => gauge.set(this.readRingBytes()),
    });
    this.emulation = metrics.counter({
      name: 'pharos_edge_emulation_requests_total',
      help: 'Requests with commands of clients on SSE and HTTP streaming, by outcome: taken (a session of this edge has them), handed (one of another edge), no_session, forged (the other edge did not sign it; it was not asked), no_edge, unknown (the other edge said nothing in time), unavailable (the inbox topic could not take them), busy, too_large, too_slow, invalid, origin.',
      labels: ['outcome'],
    });
    this.control = metrics.counter({
      name: 'pharos_edge_control_total',
      help: 'What came over the control topics: disconnect, unsubscribe, subscribe, refresh, ask, revoke, edge (one says that it is there, or goes), commands (of a client whose requests meet another edge); unknown (it could not be read), lost (it was gone before it could be read).',
      labels: ['command'],
    });
    this.presence = new PresenceMetrics(metrics);
    this.proxies = new ProxyMetrics(metrics, 'edge');
    this.#showFromTheStart();
  }

  /** Alerts take rates: a series that is first seen with its first event has none. */
  #showFromTheStart(): void {
    for (const transport of ['websocket', 'text'] as const) {
      this.connections.set({ transport }, 0);
      this.connectionsOpened.inc({ transport }, 0);
      this.connectionsClosed.inc({ transport, code: '1006' }, 0);
      this.slowConnections.inc({ transport }, 0);
      this.messagesReceived.inc({ transport }, 0);
    }
    for (const reason of ['origin', 'connection_limit', 'connection_rate', 'address_limit', 'draining', 'anonymous'])
      this.connectionsRefused.inc({ reason }, 0);
    for (const outcome of ['ok', '100']) this.connects.inc({ outcome }, 0);
    this.publishes.inc({ outcome: 'ok' }, 0);
    for (const kind of ['broker', 'lost']) this.holes.inc({ kind }, 0);
    for (const interest of ['local', 'none']) this.publicationsRead.inc({ interest }, 0);
    this.recoveries.inc({ outcome: 'recovered' }, 0);
    for (const command of ['unknown', 'lost']) this.control.inc({ command }, 0);
    for (const tier of ['ring', 'store', 'log']) this.recoveredFrom.inc({ tier }, 0);
  }

  opened(transport: Transport): void {
    this.connections.inc({ transport });
    this.connectionsOpened.inc({ transport });
  }

  closed(transport: Transport, code: number): void {
    this.connections.dec({ transport });
    this.connectionsClosed.inc({ transport, code: countedCodes.has(code) ? String(code) : 'other' });
  }

  /** A command was answered with an error, which may be one of an application's own. @param isConnect it was the first one */
  commandFailed(errorCode: number, isConnect: boolean): void {
    const code = countedErrors.has(errorCode) ? String(errorCode) : 'other';
    this.commandErrors.inc({ code });
    if (isConnect) this.connects.inc({ outcome: code });
  }

  /** A client was sent away before it was in. */
  connectEnded(closeCode: number): void {
    this.connects.inc({ outcome: countedCodes.has(closeCode) ? String(closeCode) : 'other' });
  }
}

/** Every metric of an edge, for the reference. */
export function describeEdgeMetrics(): MetricDescription[] {
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  void new EdgeMetrics(metrics);
  return metrics.describe();
}

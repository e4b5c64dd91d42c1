import type { PulsarMetrics } from '@pharos/bus';
import type { RedisClient } from '@pharos/redis';
import {
  type Counter,
  createRegistry,
  type Gauge,
  type Histogram,
  type MetricDescription,
  Metrics,
} from '@pharos/telemetry';

/** What a process counts of its connections to brokers. */
export class BrokerMetrics implements PulsarMetrics {
  readonly #connections: Counter<'event'>;
  readonly #reattached: Counter<'kind'>;
  readonly #publishedMessages: Counter;
  readonly #publishedBytes: Counter;
  readonly #publishSeconds: Histogram;
  readonly #publishFailures: Counter;
  readonly #receivedMessages: Counter;
  readonly #receivedBytes: Counter;
  readonly #deadLetters: Counter<'outcome'>;
  readonly #damaged: Counter;

  constructor(metrics: Metrics) {
    this.#connections = metrics.counter({
      name: 'pharos_pulsar_connections_total',
      help: 'Connections to brokers, by event: opened, failed (it could not be made), closed (it was lost or let go).',
      labels: ['event'],
    });
    this.#reattached = metrics.counter({
      name: 'pharos_pulsar_reattached_total',
      help: 'Producers and consumers that were attached to their topic again after a loss, by kind.',
      labels: ['kind'],
    });
    this.#publishedMessages = metrics.counter({
      name: 'pharos_pulsar_published_messages_total',
      help: 'Messages that brokers acknowledged.',
    });
    this.#publishedBytes = metrics.counter({
      name: 'pharos_pulsar_published_bytes_total',
      help: 'Payload bytes of these.',
    });
    this.#publishSeconds = metrics.histogram({
      name: 'pharos_pulsar_publish_seconds',
      help: 'Time from handing over the first message of an entry to its acknowledgement by the broker.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    });
    this.#publishFailures = metrics.counter({
      name: 'pharos_pulsar_publish_failures_total',
      help: 'Messages that were given up.',
    });
    this.#receivedMessages = metrics.counter({
      name: 'pharos_pulsar_received_messages_total',
      help: 'Messages that came from brokers.',
    });
    this.#receivedBytes = metrics.counter({
      name: 'pharos_pulsar_received_bytes_total',
      help: 'Payload bytes of these, as they came.',
    });
    this.#deadLetters = metrics.counter({
      name: 'pharos_pulsar_dead_letters_total',
      help: 'Messages that came again too often, by whether the dead letter topic took them: sent, failed (it is tried again).',
      labels: ['outcome'],
    });
    this.#damaged = metrics.counter({
      name: 'pharos_pulsar_damaged_total',
      help: 'Entries whose checksum is wrong, or that are malformed.',
    });
    for (const event of ['opened', 'failed', 'closed']) this.#connections.inc({ event }, 0);
    for (const outcome of ['sent', 'failed']) this.#deadLetters.inc({ outcome }, 0);
    for (const kind of ['producer', 'consumer']) this.#reattached.inc({ kind }, 0);
  }

  connection(event: 'opened' | 'failed' | 'closed'): void {
    this.#connections.inc({ event });
  }

  reattached(kind: 'producer' | 'consumer'): void {
    this.#reattached.inc({ kind });
  }

  published(messages: number, bytes: number, latencyMs: number): void {
    this.#publishedMessages.inc(messages);
    this.#publishedBytes.inc(bytes);
    this.#publishSeconds.observe(latencyMs / 1000);
  }

  publishFailed(messages: number): void {
    this.#publishFailures.inc(messages);
  }

  received(messages: number, bytes: number): void {
    this.#receivedMessages.inc(messages);
    this.#receivedBytes.inc(bytes);
  }

  deadLetter(outcome: 'sent' | 'failed'): void {
    this.#deadLetters.inc({ outcome });
  }

  damaged(): void {
    this.#damaged.inc();
  }
}

/** What a process counts of its connection to Redis. */
export class RedisMetrics {
  readonly #connected: Gauge;
  readonly #losses: Counter;

  constructor(metrics: Metrics) {
    this.#connected = metrics.gauge({
      name: 'pharos_redis_connected',
      help: 'Whether Redis can be used: 1 or 0.',
    });
    this.#losses = metrics.counter({
      name: 'pharos_redis_connection_losses_total',
      help: 'Times that the connection to Redis (of a Cluster: to one of its nodes) was lost.',
    });
  }

  watch(client: RedisClient): void {
    client.onConnection((connected) => {
      this.#connected.set(client.connected ? 1 : 0);
      if (!connected) this.#losses.inc();
    });
  }
}

/** Every metric of a process's connections, for the reference. */
export function describeConnectionMetrics(): MetricDescription[] {
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  void new BrokerMetrics(metrics);
  void new RedisMetrics(metrics);
  return metrics.describe();
}

import type { Checked } from './delivery-check.ts';

/** What a Pulsar client under measurement can do. The process of the Java client takes the same commands. */
export type PulsarClientCommands = {
  open(params: { readonly serviceUrl: string }): Promise<void>;
  /** Publishes numbered messages as fast as they go; resolves when the last is acknowledged. */
  produce(params: ProduceParams): Promise<{ readonly seconds: number }>;
  /** Receives what a topic holds from its first message on, by a subscription of its own. */
  consume(params: ConsumeParams): Promise<{ readonly seconds: number; readonly checked: Checked }>;
  /** Publishes at an even rate, each message an entry of its own, and receives them in the same process. */
  latency(params: LatencyParams): Promise<LatencyResult>;
};

export interface ProduceParams {
  readonly topic: string;
  readonly count: number;
  readonly payloadBytes: number;
  readonly options: ProducerOptions;
}

export interface ProducerOptions {
  readonly batchMessages: number;
  readonly batchBytes: number;
  readonly batchDelayMs: number;
  readonly pendingMessages: number;
}

export interface ConsumerOptions {
  readonly queueMessages: number;
  readonly batchMessages: number;
  readonly batchBytes: number;
  readonly batchTimeoutMs: number;
}

/** `entries`: this client alone. `listener`: Java's alone; this client's is `receive` in a loop. */
export type ConsumeHow = 'entries' | 'batch' | 'single' | 'listener';

export interface ConsumeParams {
  readonly topic: string;
  readonly subscription: string;
  readonly count: number;
  readonly how: ConsumeHow;
  readonly options: ConsumerOptions;
}

export interface LatencyParams {
  readonly topic: string;
  readonly subscription: string;
  readonly count: number;
  readonly perSecond: number;
  readonly payloadBytes: number;
  readonly options: ConsumerOptions;
}

/** Microseconds from the call that sends to the call that receives. */
export interface LatencyResult {
  readonly p50: number;
  readonly p99: number;
  readonly checked: Checked;
}

/** The same for both clients: Java's defaults but for the pending messages, which bound the memory. */
export const producerOptions: ProducerOptions = {
  batchMessages: 1_000,
  batchBytes: 128 * 1024,
  batchDelayMs: 1,
  pendingMessages: 20_000,
};

/** The same for both clients. */
export const consumerOptions: ConsumerOptions = {
  queueMessages: 10_000,
  batchMessages: 1_000,
  batchBytes: 10 * 1024 * 1024,
  batchTimeoutMs: 100,
};

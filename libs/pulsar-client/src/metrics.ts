/** Told of each event, for counters and histograms. None may throw; all run on the hot path. */
export interface PulsarMetrics {
  /** A connection to a broker was made, or failed to be made, or was lost. */
  connection?(event: 'opened' | 'failed' | 'closed'): void;
  /** A producer or consumer was attached to its topic again after a loss. */
  reattached?(kind: 'producer' | 'consumer'): void;
  /** An entry was acknowledged by the broker, so long after its first message was handed over. */
  published?(messages: number, bytes: number, latencyMs: number): void;
  /** Messages were given up. */
  publishFailed?(messages: number): void;
  /** An entry came from the broker. */
  received?(messages: number, bytes: number): void;
  /** A message came again too often, and the dead letter topic took it, or not yet. */
  deadLetter?(outcome: 'sent' | 'failed'): void;
  /** An entry came whose checksum is wrong, or that is malformed. */
  damaged?(): void;
}

import { integer, milliseconds } from '../options.ts';
import type { AckSettings } from './ack-queue.ts';
import type { ConsumerConfig } from './consumer-config.ts';

const kind = 'ConsumerConfig';

/** How acknowledgements go to the broker. @throws PulsarError `InvalidConfiguration` */
export function ackSettings(config: ConsumerConfig): AckSettings {
  return {
    groupingTimeMs: milliseconds(kind, 'ackGroupingTimeMs', config.ackGroupingTimeMs, 0, 0),
    groupingMaxSize: integer(kind, 'ackGroupingMaxSize', config.ackGroupingMaxSize, 1000, 1),
    receipts: config.ackReceiptEnabled ?? false,
  };
}

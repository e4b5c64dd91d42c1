import { type InternalServer, type Logger, type Metrics, type Readiness, startInternalServer } from '@pharos/telemetry';

import type { ServiceConfig } from './config.ts';

export interface InternalListenerParts {
  readonly metrics: Metrics;
  readonly readiness: () => Readiness;
  readonly logger: Logger;
}

/** The listener for operators, where the configuration has one. @throws TelemetryError as `startInternalServer` */
export async function startInternalListener(
  { listen }: ServiceConfig['internal'],
  { metrics, readiness, logger }: InternalListenerParts,
): Promise<InternalServer | undefined> {
  if (listen === undefined) return undefined;
  return startInternalServer({
    ...listen,
    registry: metrics.registry,
    isReady: readiness,
    onError: (error) => logger.error({ err: error }, 'the internal listener failed'),
  });
}

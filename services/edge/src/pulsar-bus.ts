import { type Bus, PulsarBus } from '@pharos/bus';
import { pulsarAccessTexts } from '@pharos/config';
import type { Logger } from '@pharos/telemetry';

import type { EdgeConfig } from './config.ts';
import type { EdgeIdentity } from './edge.ts';

/** The bus of an edge on the Pulsar that its configuration names; nothing is connected yet. */
export function pulsarBus(config: EdgeConfig, identity: EdgeIdentity, logger: Logger): Bus {
  const { url, admin_url: adminUrl, tail_subscription: tailSubscription } = config.pulsar;
  if (url === undefined) throw new TypeError('pulsar.url is not set');
  return new PulsarBus({
    serviceUrl: url,
    ...(adminUrl === undefined ? {} : { adminUrl }),
    access: pulsarAccessTexts(config.pulsar),
    // Never the same twice: a subscription name that was used before brings its old cursor, a producer name its sequence ids.
    namePrefix: `${identity.name}-${identity.boot}`,
    tailSubscription,
    logger,
  });
}

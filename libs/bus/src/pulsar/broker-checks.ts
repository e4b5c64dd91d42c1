import { describeError } from '@pharos/errors';
import { AdminError, type Properties } from '@pharos/pulsar-client';

/** What the broker must have for everything to work, checked against its running configuration: one text a shortcoming. */
export function brokerLimitations(
  configuration: Readonly<Record<string, string>>,
  tailSubscription: 'failover' | 'exclusive',
): string[] {
  const limitations: string[] = [];
  const interceptors = configuration['brokerEntryMetadataInterceptors'] ?? '';
  if (!interceptors.includes('AppendIndexMetadataInterceptor')) {
    limitations.push(
      'no offsets, so no recovery: add org.apache.pulsar.common.intercept.AppendIndexMetadataInterceptor to ' +
        'brokerEntryMetadataInterceptors of the broker',
    );
  }
  if (configuration['exposingBrokerEntryMetadataToClientEnabled'] !== 'true') {
    limitations.push(
      'no offsets, so no recovery: set exposingBrokerEntryMetadataToClientEnabled=true on the broker, ' +
        `it is '${configuration['exposingBrokerEntryMetadataToClientEnabled'] ?? ''}'`,
    );
  }
  if (!interceptors.includes('AppendBrokerTimestampMetadataInterceptor')) {
    limitations.push(
      "times are the producers', not the broker's: add " +
        'org.apache.pulsar.common.intercept.AppendBrokerTimestampMetadataInterceptor to brokerEntryMetadataInterceptors',
    );
  }
  const failoverDelay = configuration['activeConsumerFailoverDelayTimeMillis'] ?? '0';
  if (tailSubscription === 'failover' && failoverDelay !== '0') {
    limitations.push(
      `a tail's first message and every topic move wait ${failoverDelay} ms: set activeConsumerFailoverDelayTimeMillis=0 ` +
        'on the broker, or tail_subscription: exclusive here',
    );
  }
  return limitations;
}

/** The same of what the admin API answered. */
export function configurationLimitations(
  configuration: Properties | AdminError,
  tailSubscription: 'failover' | 'exclusive',
): string[] {
  if (!(configuration instanceof AdminError)) return brokerLimitations(configuration, tailSubscription);
  return [`the broker's configuration can't be checked (${describeError(configuration)})`];
}

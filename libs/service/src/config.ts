import {
  duration,
  hostsUrl,
  type ListenAddress,
  listenAddress,
  type PulsarAccessConfig,
  pulsarAccessFields,
  z,
} from '@pharos/config';

/** What every service's configuration begins with. */
export interface ServiceConfig {
  readonly name?: string | undefined;
  readonly internal: { readonly listen?: ListenAddress | undefined };
  readonly log_level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

export const defaultInternalListen: ListenAddress = { host: '0.0.0.0', port: 9000 };

/** The fields of {@link ServiceConfig}. @param internalListen none: the listener is off, or somebody else decides */
export function serviceFields(internalListen: ListenAddress | undefined): {
  readonly name: z.ZodType;
  readonly internal: z.ZodType;
  readonly log_level: z.ZodType;
} {
  const listen = listenAddress();
  return {
    name: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/)
      .optional()
      .describe('Stable name of this process. Default: the host name.'),
    internal: z.strictObject({
      listen: (internalListen === undefined ? listen.optional() : listen.default(internalListen)).describe(
        'Where /metrics, /health/live, /health/ready and /health/startup are served. Standalone default: the client port plus 100, on loopback.',
      ),
    }),
    log_level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('Least level that is logged.'),
  };
}

/** Where Pulsar is and how to be let in. */
export interface PulsarConfig extends PulsarAccessConfig {
  readonly url?: string | undefined;
  readonly admin_url?: string | undefined;
}

/** The fields of {@link PulsarConfig}. @param required whether the service can't do without a Pulsar */
export function pulsarFields(required: boolean): Readonly<Record<'url' | 'admin_url' | 'tls' | 'auth', z.ZodType>> {
  const url = hostsUrl('pulsar', 'pulsar+ssl').describe(
    'The Pulsar service URL: pulsar://broker:6650, with TLS pulsar+ssl://broker:6651.',
  );
  return {
    url: required ? url : url.optional(),
    admin_url: hostsUrl('http', 'https')
      .optional()
      .describe('The admin REST API. Default: the hosts of the service URL, at port 8080, with TLS 8443.'),
    ...pulsarAccessFields(),
  };
}

/** How tails are subscribed: a field of the section `pulsar` where a service follows lanes. */
export type TailSubscription = 'failover' | 'exclusive';

export function tailSubscription(): z.ZodType<TailSubscription> {
  return z
    .enum(['failover', 'exclusive'])
    .default('failover')
    .describe('Subscription type of lane tails; exclusive attaches faster on brokers with a fail-over delay.');
}

/** How long a publish may wait for the log. @param what for the reference */
export function publishTimeout(what: string = 'How long a publish may wait for the log.'): z.ZodType<number> {
  return duration({ minMs: 100, maxMs: 600_000 }).default(5_000).describe(what);
}

import type { Authentication } from './auth/authentication.ts';
import type { Access } from './connection/access.ts';
import { type AccessOptions, accessSettings } from './connection/access-settings.ts';
import type { FailoverSettings } from './connection/cluster-failover.ts';
import { parseServiceUrl } from './connection/service-url.ts';
import { integer, milliseconds, mustHold, refuseUnknown, text } from './options.ts';

/** One cluster: its service URL, and what differs there from the client's own options. */
export type ServiceInfo =
  | string
  | {
      readonly serviceUrl: string;
      readonly authentication?: Authentication;
      readonly tlsTrustCertsFilePath?: string;
    };

/** Clusters of which the client uses one at a time: the primary while it can be had, else the first other that can. */
export interface AutoClusterFailoverConfig {
  readonly primary: ServiceInfo;
  readonly secondary: readonly ServiceInfo[];
  /** How often the cluster in use is looked at; while that is not the primary, the primary too. @default 30000 */
  readonly checkIntervalMs?: number;
  /** Failed checks in a row until another cluster is gone to. @default 1 */
  readonly failoverThreshold?: number;
  /** Successful checks of the primary in a row until it is gone back to. @default 1 */
  readonly switchBackThreshold?: number;
}

/** A cluster as the client uses it. */
export interface ClusterSettings {
  readonly serviceUrl: string;
  readonly access: Access;
  /** How many hosts its URL names. */
  readonly hosts: number;
}

/** The options that say where to go. */
export interface ClusterOptions extends AccessOptions {
  readonly serviceUrl?: string;
  readonly serviceUrlProvider?: AutoClusterFailoverConfig;
}

export interface Clusters {
  /** The primary first. */
  readonly clusters: readonly [ClusterSettings, ...ClusterSettings[]];
  readonly failover: FailoverSettings | undefined;
}

const providerKind = 'serviceUrlProvider';

/** Where to go, checked, with defaults. @throws PulsarError `InvalidConfiguration`, `InvalidUrl` */
export function clusterSettings(kind: string, options: ClusterOptions): Clusters {
  const { serviceUrlProvider: provider, serviceUrl } = options;
  if (provider === undefined) {
    const cluster = clusterOf(kind, options, text(kind, 'serviceUrl', serviceUrl as string));
    return { clusters: [cluster], failover: undefined };
  }
  mustHold(kind, serviceUrl === undefined, 'there is a serviceUrl and a serviceUrlProvider, expected one of them');
  mustHold(
    kind,
    typeof provider === 'object',
    'serviceUrlProvider is no object, expected one with primary and secondary',
  );
  const names = ['primary', 'secondary', 'checkIntervalMs', 'failoverThreshold', 'switchBackThreshold'];
  refuseUnknown(providerKind, provider, names, {});
  const some = Array.isArray(provider.secondary) && provider.secondary.length > 0;
  mustHold(providerKind, some, 'secondary is no array of clusters, expected at least one');
  const [primary, ...secondary] = [provider.primary, ...provider.secondary].map((info) => ownSettings(info, options));
  return {
    clusters: [primary as ClusterSettings, ...secondary],
    failover: {
      checkIntervalMs: milliseconds(providerKind, 'checkIntervalMs', provider.checkIntervalMs, 30_000, 1),
      failoverThreshold: integer(providerKind, 'failoverThreshold', provider.failoverThreshold, 1, 1),
      switchBackThreshold: integer(providerKind, 'switchBackThreshold', provider.switchBackThreshold, 1, 1),
    },
  };
}

function ownSettings(info: ServiceInfo, common: AccessOptions): ClusterSettings {
  if (typeof info === 'string') return clusterOf(providerKind, common, text(providerKind, 'serviceUrl', info));
  mustHold(providerKind, isObject(info), 'a cluster is neither a service URL nor an object with one');
  refuseUnknown(providerKind, info, ['serviceUrl', 'authentication', 'tlsTrustCertsFilePath'], {});
  const { serviceUrl, ...own } = info;
  return clusterOf(providerKind, { ...common, ...own }, text(providerKind, 'serviceUrl', serviceUrl));
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function clusterOf(kind: string, options: AccessOptions, serviceUrl: string): ClusterSettings {
  const addresses = parseServiceUrl(serviceUrl);
  const access = accessSettings(kind, options);
  if (!addresses.every(({ secure }) => secure)) refuseTls(kind, options, serviceUrl);
  return { serviceUrl, access, hosts: addresses.length };
}

/** Where nothing is encrypted, certificates would promise what isn't so. */
function refuseTls(kind: string, options: AccessOptions, serviceUrl: string): void {
  const files = ['tlsTrustCertsFilePath', 'tlsCertificateFilePath', 'tlsPrivateKeyFilePath'] as const;
  const given: string | undefined = files.find((name) => options[name] !== undefined);
  const option = given ?? (options.authentication?.method === 'tls' ? 'authentication' : undefined);
  const why = `option '${option}' is for TLS, and '${serviceUrl}' has none: use pulsar+ssl://`;
  mustHold(kind, option === undefined, why);
}

import type { CommandCloseConsumer, CommandCloseProducer } from '../wire/index.ts';
import { parseServiceUrl, type ServiceAddress } from './service-url.ts';

/** The two URLs by which brokers are named. */
export interface BrokerUrls {
  readonly plainUrl: string | undefined;
  readonly tlsUrl: string | undefined;
}

/** Where a producer or consumer is to go on, as the broker that lets go of it says. */
export interface Move extends BrokerUrls {
  /** `broker`: the broker that has the topic now; `cluster`: the service URL of the cluster that it lives in now. */
  readonly to: 'broker' | 'cluster';
}

/** What closing says of where to go on, if anything. */
export function moveOf(command: CommandCloseProducer | CommandCloseConsumer): Move | undefined {
  const { assignedBrokerServiceUrl: plainUrl, assignedBrokerServiceUrlTls: tlsUrl } = command;
  return plainUrl === undefined && tlsUrl === undefined ? undefined : { to: 'broker', plainUrl, tlsUrl };
}

/** Who came by TLS stays with TLS, and who came without is not sent to where it can't speak: `undefined` where there is no such URL. */
export function urlFor(urls: BrokerUrls, secure: boolean): string | undefined {
  const url = secure ? urls.tlsUrl : urls.plainUrl;
  if (url === undefined || url === '') return undefined;
  try {
    return parseServiceUrl(url).every((address) => address.secure === secure) ? url : undefined;
  } catch {
    return undefined;
  }
}

/** The same, of one broker. */
export function addressFor(urls: BrokerUrls, secure: boolean): ServiceAddress | undefined {
  const url = urlFor(urls, secure);
  const addresses = url === undefined ? [] : parseServiceUrl(url);
  return addresses.length === 1 ? addresses[0] : undefined;
}

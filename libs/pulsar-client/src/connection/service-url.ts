import { PulsarError } from '../errors.ts';

const defaultPort = 6650;

export interface ServiceAddress {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Host and port of `pulsar://host:6650`. @throws PulsarError `InvalidUrl` */
export function parseServiceUrl(url: string): ServiceAddress {
  const match = /^pulsar:\/\/(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/,@[\]]+))(?::(\d{1,5}))?\/?$/.exec(url);
  const port = Number(match?.[3] ?? defaultPort);
  if (match === null || port === 0 || port > 65_535) {
    throw new PulsarError('InvalidUrl', `service URL '${url}': expected pulsar://host:port`);
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

import { BlockList, isIP } from 'node:net';
import { normalizeAddress } from './address.ts';

/** Proxies that a request has passed at most: the header is the client's to begin with, and may be long. */
const MAX_HOPS = 32;

/** `10.0.0.0/8`, `fd00::/8`, or one address: whose word on where a request came from is taken. */
export class TrustedProxies {
  #list: BlockList | undefined;

  /** @throws TypeError for what is none; see {@link isNetwork} */
  constructor(networks: readonly string[] = []) {
    this.replace(networks);
  }

  /** From now on these, for new connections. @throws TypeError */
  replace(networks: readonly string[]): void {
    if (networks.length === 0) {
      this.#list = undefined;
      return;
    }
    const list = new BlockList();
    for (const network of networks) {
      const { address, bits, family } = parseNetwork(network) ?? unknownNetwork(network);
      list.addSubnet(address, bits, family);
    }
    this.#list = list;
  }

  /**
   * The client's address: the peer's own, or where that is trusted, the last one of `X-Forwarded-For` that isn't. Each proxy
   * appends where it got the request from, so what stands before an address that isn't trusted is its own claim.
   *
   * @param headers flat, names in lower case
   */
  clientOf(peer: string, headers: readonly string[]): string {
    if (this.#list === undefined || !this.#has(peer)) return peer;
    const hops: string[] = [];
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] === 'x-forwarded-for') hops.push(...(headers[i + 1] ?? '').split(',').slice(-MAX_HOPS));
    }
    let client = peer;
    for (let i = hops.length - 1; i >= 0 && i >= hops.length - MAX_HOPS; i--) {
      const hop = addressIn(hops[i] ?? '');
      // Not an address: whoever wrote it is the last that is known.
      if (hop === undefined) return client;
      client = hop;
      if (!this.#has(hop)) return client;
    }
    return client;
  }

  #has(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#list?.check(address, version === 4 ? 'ipv4' : 'ipv6') === true;
  }
}

/** Whether a text is an address or a network as {@link TrustedProxies} takes it. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

function parseNetwork(text: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return undefined;
  const width = version === 4 ? 32 : 128;
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  const bits = prefix === undefined ? width : Number(prefix);
  return bits > width ? undefined : { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

function unknownNetwork(text: string): never {
  throw new TypeError(`"${text}" is neither an address nor a network such as 10.0.0.0/8`);
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; some proxies add the port. */
function addressIn(hop: string): string | undefined {
  const text = hop.trim();
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 ? undefined : normalizeAddress(bare);
}

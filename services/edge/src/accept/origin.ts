import type { RequestHead } from '@pharos/socket-server';

export interface OriginPolicy {
  /** Origins that may connect besides the edge's own: `https://app.example.com`, `https://*.example.com`, `*` for any. */
  readonly allowed: readonly string[];
  /**
   * Whether the edge listens on loopback only. Then "the edge's own origin" means a loopback name: a page of an attacker
   * whose host name was rebound to 127.0.0.1 sends its own name as `Host`, and must not pass for ours.
   */
  readonly loopbackOnly: boolean;
}

const varying: Readonly<Record<string, string>> = { Vary: 'Origin' };

/**
 * Says whether a browser's page may open a connection: a WebSocket isn't held back by the browser's same-origin rule, so
 * the server must (cross-site WebSocket hijacking).
 *
 * A request without `Origin` isn't a browser's and passes. One from the edge's own origin passes. All others must match
 * the list.
 */
export class OriginCheck {
  readonly #patterns: readonly RegExp[];
  readonly #named: readonly RegExp[];
  readonly #loopbackOnly: boolean;

  constructor(policy: OriginPolicy) {
    this.#patterns = policy.allowed.map(toPattern);
    this.#named = policy.allowed.filter((allowed) => allowed !== '*').map(toPattern);
    this.#loopbackOnly = policy.loopbackOnly;
  }

  allows(head: RequestHead): boolean {
    const origin = head.header('origin').toLowerCase();
    if (origin === '') return true;
    if (this.#isOwn(origin, head.header('host').toLowerCase())) return true;
    return this.#patterns.some((pattern) => pattern.test(origin));
  }

  /**
   * The same for a request that isn't an upgrade. Browsers name no origin in a GET of a page's own one, and in one whose answer the page can't
   * read: then other headers must tell them apart.
   */
  allowsRequest(head: RequestHead): boolean {
    const origin = head.header('origin');
    // What is allowed is said back in a header.
    if (origin !== '') return !/[^\x21-\x7e]/.test(origin) && this.allows(head);
    const site = head.header('sec-fetch-site');
    if (site === 'cross-site' || site === 'same-site') return false;
    const host = head.header('host').toLowerCase();
    if (!this.#loopbackOnly || isLoopbackName(nameOf(host))) return true;
    return this.#patterns.some((pattern) => pattern.test(`https://${host}`) || pattern.test(`http://${host}`));
  }

  /** By what a browser lets a page of an allowed origin read the answer; with what it knows of the user only where that origin is named in the list. */
  crossOriginHeaders(head: RequestHead): Readonly<Record<string, string>> {
    const origin = head.header('origin');
    if (origin === '' || !this.allowsRequest(head)) return varying;
    const isNamed = this.#named.some((pattern) => pattern.test(origin.toLowerCase()));
    const credentials = isNamed ? { 'Access-Control-Allow-Credentials': 'true' } : {};
    return { ...varying, 'Access-Control-Allow-Origin': origin, ...credentials };
  }

  #isOwn(origin: string, host: string): boolean {
    const scheme = /^https?:\/\//.exec(origin)?.[0];
    if (scheme === undefined || origin.slice(scheme.length) !== host || host === '') return false;
    return !this.#loopbackOnly || isLoopbackName(nameOf(host));
  }
}

/** The name in a `Host` header, without the port and an IPv6 address's brackets. */
function nameOf(host: string): string {
  return host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d+$/, '');
}

/** Whether a host name or address is this machine's own, by a name that nobody else can own. */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

function toPattern(allowed: string): RegExp {
  if (allowed === '*') return /^/;
  const escaped = allowed.toLowerCase().replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  // A star stands for one or more labels of a host name, never for a scheme, a port or a path.
  return new RegExp(`^${escaped.replaceAll('*', '[a-z0-9.-]+')}$`);
}

import { bytes, duration, secret, type TlsConfig, tlsSection, url, z } from '@pharos/config';

/** What a status of the backend means to clients. */
export interface StatusTransform {
  readonly status_code: number;
  readonly to_error?: { readonly code: number; readonly message: string; readonly temporary: boolean } | undefined;
  readonly to_disconnect?: { readonly code: number; readonly reason: string } | undefined;
}

/** How a backend is asked; names as in Centrifugo's configuration where it has the same option. */
export interface ProxyConfig {
  readonly endpoint?: string | undefined;
  readonly timeout: number;
  /** In lower case. */
  readonly http_headers: readonly string[];
  readonly emulated_headers: readonly string[];
  readonly binary_encoding: boolean;
  readonly include_connection_meta: boolean;
  readonly http: {
    readonly static_headers: Readonly<Record<string, string>>;
    readonly status_to_code_transforms: readonly StatusTransform[];
    readonly tls: TlsConfig;
  };
  readonly max_requests: number;
  readonly max_queue: number;
  readonly max_response_size: number;
}

export type NamedProxyConfig = ProxyConfig & { readonly name: string };

/** A proxy of the whole connection. */
export type ConnectionProxyConfig = ProxyConfig & { readonly enabled: boolean };

/** What namespaces can hand to a proxy, as their options begin: `<kind>_proxy_enabled`, `<kind>_proxy_name`. */
export type ChannelProxyKind = 'subscribe' | 'publish' | 'sub_refresh';
export const channelProxyKinds: readonly ChannelProxyKind[] = ['subscribe', 'publish', 'sub_refresh'];

/** The section `channel.proxy`: what namespaces call `default`. */
export type ChannelProxies = Readonly<Record<ChannelProxyKind, ProxyConfig>>;

/** The section `client.proxy`. */
export interface ClientProxies {
  readonly connect: ConnectionProxyConfig;
  readonly refresh: ConnectionProxyConfig;
}

/** What a proxy is called that has a place of its own in the configuration. */
export const defaultProxy = 'default';

/** Set by the request itself, or about the one connection that they came over. */
const ownHeaders = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** What a header may hold; others would be refused when it is too late to say so. */
export const headerValue: RegExp = /^[\t\x20-\x7e\x80-\xff]*$/;

function proxyFields(asks: string): Record<string, z.ZodType> {
  return {
    endpoint: url('http', 'https')
      .refine(withoutCredentials, 'expected no name and password in the URL: they belong into http.static_headers')
      .optional()
      .describe(`URL that is asked by POST, in JSON: ${asks}.`),
    timeout: duration({ minMs: 10, maxMs: 600_000 })
      .default(1_000)
      .describe('How long a client may wait for the answer, time in the queue included.'),
    http_headers: headerNames('Headers of the connection request that go to the backend; none by default.'),
    emulated_headers: headerNames(
      'Headers that clients send within their connect command, which browsers can not set otherwise; whatever they claim is theirs.',
    ),
    binary_encoding: z
      .boolean()
      .default(false)
      .describe('Data goes to the backend as base64 (b64data), so that it need not be JSON.'),
    include_connection_meta: z
      .boolean()
      .default(false)
      .describe('The meta of the connection (of its token, or the connect proxy) goes along; clients never see it.'),
    http: z.strictObject({
      static_headers: z
        .record(
          z.string().refine(isForwardable, 'expected the name of a header that is not of the request itself'),
          secret().regex(headerValue, 'expected what a header may hold'),
        )
        .default({})
        .describe('Headers of every request; those of the client go before them.'),
      status_to_code_transforms: z
        .array(statusTransform())
        .default([])
        .describe('HTTP statuses of the backend that are errors or disconnects for clients; others are error 100.'),
      tls: tlsSection('the backend'),
    }),
    max_requests: z
      .int()
      .min(1)
      .max(10_000)
      .default(256)
      .describe('Requests that are under way at the same time, each over a connection that is kept.'),
    max_queue: z
      .int()
      .min(0)
      .max(100_000)
      .default(1_024)
      .describe('Requests that may wait for one of these to end; more are answered with error 100 at once.'),
    max_response_size: bytes({ minBytes: 1_024, maxBytes: 64 * 1024 * 1024 })
      .default(1024 * 1024)
      .describe('The largest answer.'),
  };
}

/** @param asks what it is asked, for the description */
export function proxySection(asks: string): z.ZodType {
  return z.strictObject(proxyFields(asks));
}

/** The section `client.proxy`. */
export function clientProxySection(): z.ZodType {
  const proxy = (asks: string, enabled: string): z.ZodType => {
    const section = z.strictObject({ enabled: z.boolean().default(false).describe(enabled), ...proxyFields(asks) });
    return section.superRefine((read, context) => {
      const config = read as unknown as ConnectionProxyConfig;
      if (config.enabled && config.endpoint === undefined)
        context.addIssue({ code: 'custom', path: ['endpoint'], message: 'expected a URL, since it is enabled' });
    });
  };
  return z.strictObject({
    connect: proxy('who it is that connects', 'The backend is asked about clients that connect without a token.'),
    refresh: proxy(
      'whether a connection goes on',
      'The backend is asked when connections expire, in place of clients being asked for another token.',
    ),
  });
}

/** The section `channel.proxy`. */
export function channelProxySection(): z.ZodType {
  return z.strictObject({
    subscribe: proxySection('may this client subscribe to this channel'),
    publish: proxySection('may this client publish this into this channel'),
    sub_refresh: proxySection('does a subscription go on'),
  });
}

/** The section `proxies`: those that namespaces name. */
export function namedProxiesSection(): z.ZodType {
  const named = z.strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .describe('What namespaces call it.'),
    ...proxyFields('whatever it is used for'),
  });
  const list = z.array(named).default([]).describe('Proxies that namespaces name.');
  return list.superRefine((read, context) => {
    const names = new Set<string>([defaultProxy]);
    for (const [index, { name, endpoint }] of (read as unknown as NamedProxyConfig[]).entries()) {
      const refuse = (field: string, message: string): void => {
        context.addIssue({ code: 'custom', path: [index, field], message });
      };
      if (names.has(name)) refuse('name', 'expected a name that no other proxy has, and not default');
      if (endpoint === undefined) refuse('endpoint', 'expected a URL');
      names.add(name);
    }
  });
}

function headerNames(what: string): z.ZodType {
  const name = z.string().refine(isForwardable, 'expected the name of a header that is not of the request itself');
  return z
    .array(name.transform((text) => text.toLowerCase()))
    .default([])
    .describe(what);
}

function isForwardable(name: string): boolean {
  return headerName.test(name) && !ownHeaders.has(name.toLowerCase());
}

function withoutCredentials(text: string): boolean {
  const { username, password } = new URL(text);
  return username === '' && password === '';
}

function statusTransform(): z.ZodType {
  const transform = z.strictObject({
    status_code: z.int().min(201).max(599).describe('The status.'),
    to_error: z
      .strictObject({
        code: z.int().min(400).max(1_999).describe('Error code of the application.'),
        message: z.string().max(1_024).default('').describe('What clients are told.'),
        temporary: z.boolean().default(false).describe('Whether they may try again.'),
      })
      .optional()
      .describe('The error that it is.'),
    to_disconnect: z
      .strictObject({
        code: z.int().min(4_000).max(4_999).describe('Close code of the application; below 4500 clients come back.'),
        reason: z.string().max(123).default('').describe('What clients are told.'),
      })
      .optional()
      .describe('The disconnect that it is.'),
  });
  return transform.refine(
    ({ to_error: error, to_disconnect: disconnect }) => (error === undefined) !== (disconnect === undefined),
    'expected to_error or to_disconnect',
  );
}

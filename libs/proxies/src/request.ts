import { classifyPayload, type RawData } from '@pharos/client-protocol';
import { headerValue, type ProxyConfig } from './config.ts';
import { ProxyError } from './errors.ts';

/** Headers that came from a client, by name in lower case. */
export interface ClientHeaders {
  /** Of the connection request; only those that some proxy forwards. */
  readonly transport?: ReadonlyMap<string, string> | undefined;
  /** From within the connect command: whatever the client claims. */
  readonly emulated?: ReadonlyMap<string, string> | undefined;
}

/** The connection that the backend is asked about. */
export interface AskingClient extends ClientHeaders {
  readonly client: string;
  readonly transportName: string;
  readonly protocol: string;
  readonly user: string;
  readonly meta: RawData | undefined;
}

/** For requests that no client's connection is behind. */
export const noClient: AskingClient = { client: '', transportName: '', protocol: 'json', user: '', meta: undefined };

/** What is asked beyond who asks: texts and lists as they are, `data` by the proxy's encoding. */
export interface Question {
  readonly texts?: Readonly<Record<string, string | readonly string[]>>;
  readonly data?: RawData | undefined;
  /** A connect: nobody is known yet. */
  readonly anonymous?: boolean;
}

const nothing = Buffer.alloc(0);

/** The body of a request. @throws ProxyError `not-json` */
export function bodyOf(config: ProxyConfig, asking: AskingClient, question: Question): Buffer {
  const { binary_encoding: binary, include_connection_meta: withMeta } = config;
  const members: Record<string, unknown> = {
    client: asking.client,
    transport: asking.transportName,
    protocol: asking.protocol,
    encoding: binary ? 'binary' : 'json',
    ...(question.anonymous === true ? {} : { user: asking.user }),
    ...question.texts,
  };
  const data = question.data ?? nothing;
  if (binary && data.length > 0) members['b64data'] = Buffer.from(data).toString('base64');
  const parts: Buffer[] = [Buffer.from(JSON.stringify(members).slice(0, -1))];
  if (!binary && data.length > 0) parts.push(Buffer.from(',"data":'), jsonIn(data));
  // A connect that failed may have left one behind.
  if (withMeta && question.anonymous !== true && asking.meta !== undefined)
    parts.push(Buffer.from(',"meta":'), Buffer.from(asking.meta));
  parts.push(Buffer.from('}'));
  return Buffer.concat(parts);
}

function jsonIn(data: RawData): Buffer {
  const { kind, json } = classifyPayload(Buffer.from(data));
  if (kind !== 'json')
    throw new ProxyError('not-json', 'the client sent no JSON, and the proxy has no binary_encoding');
  return Buffer.from(json);
}

/** Those of the configuration, over them what the client claims, over them what came with its connection: as far as the proxy forwards them. */
export function headersOf(config: ProxyConfig, { transport, emulated }: ClientHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(config.http.static_headers)) headers[name.toLowerCase()] = value;
  const forward = (names: readonly string[], from: ReadonlyMap<string, string> | undefined): void => {
    for (const name of names) {
      const value = from?.get(name);
      if (value !== undefined && headerValue.test(value)) headers[name] = value;
    }
  };
  forward(config.emulated_headers, emulated);
  forward(config.http_headers, transport);
  headers['content-type'] = 'application/json';
  return headers;
}

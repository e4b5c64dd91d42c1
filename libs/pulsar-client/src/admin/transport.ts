import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { Readable } from 'node:stream';
import type { Access } from '../connection/access.ts';
import { explainTlsError } from '../connection/tls-errors.ts';
import { readTlsOptions } from '../connection/tls-settings.ts';
import { PulsarError } from '../errors.ts';
import type { Fetch } from './http.ts';

/** A broker sends to the one that has the topic; more often it is a loop. */
const maxRedirects = 5;
/** Redirects that keep method and body. */
const kept: ReadonlySet<number> = new Set([307, 308]);
/** Answers that have no body. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

interface Call {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * `fetch` with the credentials, CA and client certificate of `access`: Node's own takes none of these. Each call has a
 * connection of its own, for which files are read again. Credentials go along where a broker sends us on to another.
 */
export function fetchWith(access: Access): Fetch {
  return async (url, init) => {
    const credentials = (await access.authentication?.getCredentials()) ?? {};
    const authorization = credentials.header === undefined ? {} : { authorization: credentials.header };
    const call: Call = {
      method: init.method ?? 'GET',
      headers: { ...(init.headers as Record<string, string> | undefined), ...authorization },
      body: init.body as string | undefined,
      signal: init.signal ?? undefined,
    };
    let at = new URL(url);
    for (let hop = 0; ; hop++) {
      const answer = await send(at, call, access, credentials.certificate ?? access.tls.certificate);
      const next = redirection(answer, at);
      if (next === undefined) return responseOf(answer);
      answer.destroy();
      if (hop === maxRedirects) throw new Error(`sent on more than ${maxRedirects} times`);
      at = next;
    }
  };
}

async function send(
  url: URL,
  call: Call,
  access: Access,
  certificate: Access['tls']['certificate'],
): Promise<IncomingMessage> {
  const { method, headers, body, signal } = call;
  const options = { method, headers, agent: false, ...(signal === undefined ? {} : { signal }) };
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const tls = secure ? await readTlsOptions(access.tls, certificate, host) : {};
  return new Promise((resolve, reject) => {
    const request = secure ? requestTls(url, { ...tls, ...options }) : requestPlain(url, options);
    request.on('response', resolve);
    request.on('error', (error) =>
      reject((secure && explainTlsError(error, url.origin, access.tls, certificate !== undefined)) || error),
    );
    request.end(body);
  });
}

function redirection({ statusCode = 0, headers }: IncomingMessage, from: URL): URL | undefined {
  const { location } = headers;
  if (!kept.has(statusCode) || location === undefined) return undefined;
  const to = new URL(location, from);
  if (to.protocol !== from.protocol) {
    throw new PulsarError('ConnectError', `${from.origin} sends us on to ${to.origin}, which is ${to.protocol}`);
  }
  return to;
}

function responseOf(answer: IncomingMessage): Response {
  const { statusCode: status = 500 } = answer;
  if (!bodiless.has(status)) return new Response(Readable.toWeb(answer) as ReadableStream<Uint8Array>, { status });
  answer.resume();
  return new Response(null, { status });
}

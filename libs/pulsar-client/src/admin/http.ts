import { describeError } from '@pharos/errors';
import { PulsarError } from '../errors.ts';
import { AdminError, type AdminErrorCode } from './admin-error.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface AdminRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below `/admin/v2/`. */
  readonly path: string;
  readonly body?: unknown;
  /** @default 'application/json' */
  readonly contentType?: string;
}

/** The status of an answer, where it isn't a success, as a code. */
const codes: Readonly<Record<number, AdminErrorCode>> = {
  401: 'refused',
  403: 'refused',
  404: 'not-found',
  405: 'refused',
  409: 'conflict',
  412: 'conflict',
};

/** A body that is longer is nothing that these calls ask for. */
const maxAnswerBytes = 16 * 1024 * 1024;

/** Speaks HTTP to the admin API. */
export class AdminHttp {
  readonly #bases: readonly string[];
  readonly #timeoutMs: number;
  readonly #fetch: Fetch;
  /** The host that answered last. */
  #current = 0;

  /** @throws AdminError `invalid-url` */
  constructor(adminUrl: string, timeoutMs: number, fetchFunction: Fetch) {
    this.#bases = basesOf(adminUrl);
    this.#timeoutMs = timeoutMs;
    this.#fetch = fetchFunction;
  }

  /** The text of the answer, of the first host that answers. @throws AdminError */
  async text(request: AdminRequest): Promise<string> {
    for (let tried = 1; ; tried++) {
      try {
        return await this.#ask(request);
      } catch (error) {
        const silent = error instanceof AdminError && (error.code === 'unreachable' || error.code === 'timeout');
        if (!silent || tried >= this.#bases.length) throw error;
        this.#current = (this.#current + 1) % this.#bases.length;
      }
    }
  }

  async #ask(request: AdminRequest): Promise<string> {
    const { method, body, contentType = 'application/json' } = request;
    const url = this.#urlOf(request);
    const what = `${method} ${url}`;
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': contentType } };
      const response = await this.#fetch(url, { method, signal, ...init });
      const answer = await readAnswer(response, url);
      if (response.ok) return answer;
      const { status } = response;
      throw new AdminError(codes[status] ?? 'failed', `${what}: ${status} ${reasonOf(answer)}`.trimEnd(), status);
    } catch (cause) {
      if (cause instanceof AdminError) throw cause;
      if (signal.aborted) {
        throw new AdminError('timeout', `${what}: no answer within ${this.#timeoutMs} ms`, undefined, { cause });
      }
      const refused = cause instanceof PulsarError && cause.code === 'AuthenticationError';
      const code = refused ? 'refused' : 'unreachable';
      throw new AdminError(code, `${what}: ${describeError(cause)}`, undefined, { cause });
    }
  }

  #urlOf({ path }: AdminRequest): string {
    return `${this.#bases[this.#current] ?? ''}/admin/v2/${path}`;
  }

  /** The answer's JSON; `undefined` for none. @throws AdminError */
  async json(request: AdminRequest): Promise<unknown> {
    const answer = await this.text(request);
    if (answer === '') return undefined;
    try {
      return JSON.parse(answer) as unknown;
    } catch (cause) {
      const text = `${request.method} ${this.#urlOf(request)}: the answer is not JSON`;
      throw new AdminError('bad-answer', text, 200, { cause });
    }
  }
}

async function readAnswer(response: Response, url: string): Promise<string> {
  if (response.body === null) return '';
  const body: AsyncIterable<Uint8Array> = response.body;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) {
      throw new AdminError('bad-answer', `the answer of ${url} is too long, at most ${maxAnswerBytes} bytes are taken`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** `http://h1:8080,h2:8080` as the base URL of each host. @throws AdminError `invalid-url` */
function basesOf(adminUrl: string): readonly string[] {
  const [scheme = '', hosts = ''] = adminUrl.split('://', 2);
  const bases = hosts.split(',').map((host) => `${scheme}://${host}`.replace(/\/+$/, ''));
  const valid = bases.every((base) => ['http:', 'https:'].includes(protocolOf(base)) && !base.includes('@'));
  if (valid) return bases;
  // Somebody may have put a password there.
  const shown = adminUrl.replace(/\/\/[^/]*@/, '//***@');
  throw new AdminError('invalid-url', `admin URL '${shown}': expected http://host:port or https://host:port`);
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}

/** Pulsar gives its reason as JSON, its web server as a page. */
function reasonOf(answer: string): string {
  try {
    const parsed = JSON.parse(answer) as { readonly reason?: unknown };
    if (typeof parsed.reason === 'string') return parsed.reason;
  } catch {
    // A page, or nothing.
  }
  return answer.startsWith('<') ? '' : answer.slice(0, 200);
}

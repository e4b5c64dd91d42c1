import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { TelemetryError } from './errors.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Why not; each a short sentence. Empty when ready. */
  readonly reasons: readonly string[];
}

export interface InternalServerOptions {
  readonly host: string;
  /** 0 lets the system pick one. */
  readonly port: number;
  readonly registry: Registry;
  /** Asked at each `/health/ready`, and at `/health/startup` until it was ready once. */
  readonly isReady: () => Readiness;
  /** Told of what fails while serving: a metric's collector, a broken socket. */
  readonly onError: (error: unknown) => void;
}

export interface InternalServer {
  readonly host: string;
  /** The port it listens on, the system's choice where 0 was asked for. */
  readonly port: number;
  /** Stops listening and closes every connection; may be called more than once. */
  stop(): Promise<void>;
}

/** Against a scraper gone wrong: each probe needs a connection for a moment only. */
const MAX_CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The listener for operators, apart from the clients' one: `/metrics` (Prometheus text), `/health/live` (200 while the
 * event loop turns), `/health/ready` (503 with the reasons, one a line, while not ready), `/health/startup` (the same until
 * it was ready once, then always 200). Never to be reachable from outside.
 *
 * @throws TelemetryError `address-in-use` or `listen-failed`, naming host and port.
 */
export async function startInternalServer(options: InternalServerOptions): Promise<InternalServer> {
  const health = new Health(options.isReady);
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      answer(request, response, options, health).catch((error: unknown) => {
        options.onError(error);
        if (response.headersSent) response.destroy();
        else send(response, 500, 'internal error\n');
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, options);
  server.on('error', options.onError);
  const address = server.address();
  let stopped: Promise<void> | undefined;
  return {
    host: options.host,
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    stop(): Promise<void> {
      stopped ??= close(server);
      return stopped;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: InternalServerOptions,
  health: Health,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(response, 405, 'only GET and HEAD are answered here\n');
    return;
  }
  const [path] = (request.url ?? '/').split('?', 1);
  if (path === '/metrics') {
    const text = await options.registry.metrics();
    send(response, 200, text, options.registry.contentType);
  } else if (path === '/health/live') send(response, 200, 'live\n');
  else if (path === '/health/ready') sendReadiness(response, health.now(), 'ready');
  else if (path === '/health/startup') sendReadiness(response, health.sinceStart(), 'started');
  else send(response, 404, 'not found; try /metrics, /health/live, /health/ready or /health/startup\n');
}

/** Whether the process is ready, and whether it ever was. */
class Health {
  readonly #isReady: () => Readiness;
  #hasStarted = false;

  constructor(isReady: () => Readiness) {
    this.#isReady = isReady;
  }

  now(): Readiness {
    const readiness = this.#isReady();
    this.#hasStarted ||= readiness.ready;
    return readiness;
  }

  sinceStart(): Readiness {
    return this.#hasStarted ? { ready: true, reasons: [] } : this.now();
  }
}

function sendReadiness(response: ServerResponse, { ready, reasons }: Readiness, yes: string): void {
  send(response, ready ? 200 : 503, ready ? `${yes}\n` : `${[`not ${yes}`, ...reasons].join('\n')}\n`);
}

function send(response: ServerResponse, status: number, body: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function listen(server: Server, { host, port }: InternalServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      if (cause.code === 'EADDRINUSE') {
        reject(new TelemetryError('address-in-use', `port ${port} on ${host} is in use by another process`, { cause }));
      } else reject(new TelemetryError('listen-failed', `cannot listen on ${host}, port ${port}`, { cause }));
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

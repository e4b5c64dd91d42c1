import { SocketServerError } from '../errors.ts';
import type { HttpRoute, HttpStatusAndBody, WebSocketRoute } from '../port.ts';
import { TEXT_HEADERS } from './response-head.ts';

const MAX_IDLE_TIMEOUT_SECONDS = 960;
const MIN_IDLE_TIMEOUT_SECONDS = 8;
const MAX_PAYLOAD_BYTES = 2 ** 30;

/** Any route, whatever its data: the tables hold them, only their own adapter's generic code calls them. */
export type AnyWebSocketRoute = WebSocketRoute<unknown>;

/** The routes of a server and the choice between them, the same for every adapter. */
export class Routes {
  readonly #webSocket = new Map<string, AnyWebSocketRoute>();
  readonly #http = new Map<string, Map<string, HttpRoute>>();
  #sealed = false;

  /** From now on no route may be added. */
  seal(): void {
    this.#sealed = true;
  }

  addWebSocket(route: AnyWebSocketRoute): void {
    this.#check(route.path);
    checkLimits(route);
    if (this.#webSocket.has(route.path)) invalid(`WebSocket route ${route.path} is declared twice`);
    this.#webSocket.set(route.path, route);
  }

  addHttp(route: HttpRoute): void {
    this.#check(route.path);
    const byMethod = this.#http.get(route.path) ?? new Map<string, HttpRoute>();
    if (byMethod.has(route.method)) invalid(`HTTP route ${route.method} ${route.path} is declared twice`);
    byMethod.set(route.method, route);
    this.#http.set(route.path, byMethod);
  }

  webSockets(): Iterable<AnyWebSocketRoute> {
    return this.#webSocket.values();
  }

  webSocketFor(path: string): AnyWebSocketRoute | undefined {
    return this.#webSocket.get(path) ?? this.#webSocket.get('*');
  }

  /** The HTTP route of a request, or the response where there is none. */
  httpFor(method: string, path: string): { route: HttpRoute } | { response: HttpStatusAndBody } {
    const wanted = method === 'HEAD' ? 'GET' : method;
    const exact = this.#http.get(path);
    const rest = this.#http.get('*');
    const route = exact?.get(wanted) ?? rest?.get(wanted);
    if (route !== undefined) return { route };
    const methods = [...(exact?.keys() ?? []), ...(rest?.keys() ?? [])];
    if (methods.length > 0) return { response: methodNotAllowed(methods) };
    if (this.#webSocket.has(path)) return { response: upgradeRequired() };
    return { response: notFound() };
  }

  #check(path: string): void {
    if (this.#sealed) invalid(`route ${path} comes too late: routes are added before listen`);
    // `:` and `*` would be patterns to uWebSockets.js and plain characters to Node.
    if (path !== '*' && !/^\/[^:*?#\s]*$/.test(path)) {
      invalid(`route path "${path}": expected "*", or a path that begins with "/" and has no ":", "*", "?" or "#"`);
    }
  }
}

export function notFound(): HttpStatusAndBody {
  return { status: 404, headers: TEXT_HEADERS, body: 'not found\n' };
}

function methodNotAllowed(methods: string[]): HttpStatusAndBody {
  const allowed = new Set(methods);
  if (allowed.has('GET')) allowed.add('HEAD');
  const allow = [...allowed].join(', ');
  return { status: 405, headers: { ...TEXT_HEADERS, allow }, body: `method not allowed: expected ${allow}\n` };
}

function upgradeRequired(): HttpStatusAndBody {
  return { status: 426, headers: { ...TEXT_HEADERS, upgrade: 'websocket' }, body: 'this is a WebSocket endpoint\n' };
}

function checkLimits(route: AnyWebSocketRoute): void {
  const { maxPayloadBytes, idleTimeoutSeconds = 0 } = route;
  if (!Number.isInteger(maxPayloadBytes) || maxPayloadBytes < 1 || maxPayloadBytes > MAX_PAYLOAD_BYTES) {
    invalid(
      `maxPayloadBytes of ${route.path} is ${maxPayloadBytes}: expected an integer from 1 to ${MAX_PAYLOAD_BYTES}`,
    );
  }
  const inRange = idleTimeoutSeconds >= MIN_IDLE_TIMEOUT_SECONDS && idleTimeoutSeconds <= MAX_IDLE_TIMEOUT_SECONDS;
  if (idleTimeoutSeconds !== 0 && !(Number.isInteger(idleTimeoutSeconds) && inRange)) {
    invalid(
      `idleTimeoutSeconds of ${route.path} is ${idleTimeoutSeconds}: expected 0 for none, or an integer from ` +
        `${MIN_IDLE_TIMEOUT_SECONDS} to ${MAX_IDLE_TIMEOUT_SECONDS}`,
    );
  }
}

function invalid(message: string): never {
  throw new SocketServerError('invalid-route', message);
}

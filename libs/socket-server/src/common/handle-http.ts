import { SocketServerError } from '../errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../port.ts';
import type { Report } from './report.ts';
import { TEXT_HEADERS } from './response-head.ts';

/** What both adapters' responses can do beyond the port, for when a handler fails. */
export interface AdapterResponse extends HttpResponse {
  /** True from `begin` or `respond` on. */
  readonly started: boolean;
}

/** Runs a route's handler and answers for it where it throws or rejects. */
export function runHttpRoute(route: HttpRoute, request: HttpRequest, response: AdapterResponse, report: Report): void {
  const fail = (error: unknown): void => {
    // A peer that left is no failure of the handler; nobody is there to be answered.
    if (response.closed && error instanceof SocketServerError && error.code === 'aborted') return;
    if (error instanceof SocketServerError && !response.started) {
      if (error.code === 'body-too-large') return response.respond(413, TEXT_HEADERS, `${error.message}\n`);
      // What is still to come of the body would keep the connection for as long as its peer likes.
      if (error.code === 'body-timeout') return response.respondAndClose(408, TEXT_HEADERS, `${error.message}\n`);
    }
    report(error, `${route.method} ${request.path}`);
    if (response.closed) return;
    if (response.started) response.abort();
    else response.respond(500, TEXT_HEADERS, 'internal error\n');
  };
  try {
    const result = route.handle(request, response);
    if (result !== undefined) result.catch(fail);
  } catch (error) {
    fail(error);
  }
}

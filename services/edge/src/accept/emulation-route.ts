import { decodeEmulationRequest, decodeProtobufEmulationRequest } from '@pharos/client-protocol';
import type { HttpRequest, HttpResponse, HttpRoute } from '@pharos/socket-server';

import type { Carried, Emulation } from '../emulation/emulation.ts';
import type { EdgeMetrics } from '../metrics.ts';
import type { HttpDoor } from './http-door.ts';
import { isProtobufBody } from './negotiation.ts';

const path = '/emulation';

/** SDKs give the connection up, and come back, at 404 and from 500 on; anything else fails the one command. */
const answers: Readonly<Record<Carried, readonly [status: number, text: string]>> = {
  taken: [204, ''],
  handed: [204, ''],
  no_session: [404, 'There is no such session.\n'],
  forged: [404, 'There is no such session.\n'],
  no_edge: [404, 'There is no such node.\n'],
  unknown: [504, 'The node of the session did not answer; it may have got the commands.\n'],
  unavailable: [503, 'The node of the session can not be reached at the moment.\n'],
  busy: [503, 'The server takes no more requests at the moment.\n'],
};

/** Where clients on SSE and HTTP streaming send their commands. */
export function emulationRoutes(
  door: HttpDoor,
  emulation: Emulation,
  metrics: EdgeMetrics,
  maxBodyBytes: number,
): HttpRoute[] {
  const counted = (outcome: string): void => metrics.emulation.inc({ outcome });

  async function handle(request: HttpRequest, response: HttpResponse): Promise<void> {
    if (!door.allows(request)) {
      counted('origin');
      return door.respond(
        request,
        response,
        403,
        'Requests from this origin are not allowed (client.allowed_origins).\n',
      );
    }
    const body = await door.body(request, response, maxBodyBytes);
    if (typeof body === 'string') return counted(body);
    const decode = isProtobufBody(request) ? decodeProtobufEmulationRequest : decodeEmulationRequest;
    const decoded = door.read(request, response, () => decode(body));
    if (decoded === undefined) return counted('invalid');
    const outcome = await emulation.carry(decoded);
    counted(outcome);
    const [status, text] = answers[outcome];
    door.respond(request, response, status, text);
  }

  return [door.preflight(path, 'POST, OPTIONS'), { method: 'POST', path, handle }];
}

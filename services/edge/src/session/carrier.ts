import type { Transport } from '../metrics.ts';
import type { ClientSession } from './client-session.ts';

/** What a session knows of the connection that carries it; one for all of an endpoint. */
export interface Carrier {
  /** In metrics. */
  readonly transport: Transport;
  /** Nothing comes from the client after its first request: it answers no pings, and is told everything by pushes. */
  readonly oneWay: boolean;
  /** By what requests find a session whose connection carries nothing to the server. */
  readonly emulated?: SessionRegister | undefined;
}

export interface SessionRegister {
  /** Gives the session the secret by which its client reaches it. */
  add(session: ClientSession): string;
  remove(session: ClientSession): void;
}

export const webSocketCarrier: Carrier = { transport: 'websocket', oneWay: false };

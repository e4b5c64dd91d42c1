import { sessionDigest } from '@pharos/control';

import type { SessionRegister } from '../session/carrier.ts';
import type { ClientSession } from '../session/client-session.ts';
import { newSecret, newSessionKey } from './session-secret.ts';

/** Sessions of this edge whose clients' commands come by requests. */
export class EmulatedSessions implements SessionRegister {
  /** For other edges, and nobody else. */
  readonly key: Buffer = newSessionKey();
  readonly #bySecret = new Map<string, ClientSession>();
  readonly #secrets = new Map<ClientSession, string>();
  /** As the server API's commands name them. */
  readonly #byDigest = new Map<string, ClientSession>();

  get size(): number {
    return this.#bySecret.size;
  }

  get(secret: string): ClientSession | undefined {
    return this.#bySecret.get(secret);
  }

  withDigest(digest: string): ClientSession | undefined {
    return this.#byDigest.get(digest);
  }

  add(session: ClientSession): string {
    this.remove(session);
    const secret = newSecret(this.key);
    this.#bySecret.set(secret, session);
    this.#secrets.set(session, secret);
    this.#byDigest.set(sessionDigest(secret), session);
    return secret;
  }

  remove(session: ClientSession): void {
    const secret = this.#secrets.get(session);
    if (secret === undefined) return;
    this.#secrets.delete(session);
    this.#bySecret.delete(secret);
    this.#byDigest.delete(sessionDigest(secret));
  }
}

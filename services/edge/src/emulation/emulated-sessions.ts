import { randomBytes } from 'node:crypto';

import { sessionDigest } from '@pharos/control';

import type { SessionRegister } from '../session/carrier.ts';
import type { ClientSession } from '../session/client-session.ts';

/** Whoever knows a session's secret commands as its client: it must not be guessed. */
const secretBytes = 24;

/** Whether a text can be the secret of a session, on any edge. */
export function isSecret(text: string): boolean {
  return text.length === (secretBytes / 3) * 4;
}

/** Sessions of this edge whose clients' commands come by requests. */
export class EmulatedSessions implements SessionRegister {
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
    const secret = randomBytes(secretBytes).toString('base64url');
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

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** A process of a service: the name that it keeps over restarts, and the boot, which is another each time. */
export interface Identity {
  readonly name: string;
  readonly boot: string;
}

/** A new boot of the process `name`. @param name the host's where it isn't given */
export function newIdentity(name: string | undefined): Identity {
  return { name: name ?? hostName(), boot: randomBytes(6).toString('hex') };
}

function hostName(): string {
  return (
    hostname()
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 64) || 'pharos'
  );
}

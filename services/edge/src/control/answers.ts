import type { Question } from '@pharos/control';

import type { Hub } from '../outbound/hub.ts';
import { ClientSession } from '../session/client-session.ts';
import type { Connections } from '../session/connections.ts';
import type { DrainableSession } from '../session/context.ts';
import { matchesGlob } from './glob.ts';

/** What one answer may hold. */
const maxEntries = 10_000;
/** The same in bytes, so that it is a message of a log, which takes 5 MiB: names are the clients' choice. */
const maxBytes = 3 * 1024 * 1024;

export interface Asked {
  readonly node: string;
  readonly name: string;
  readonly version: string;
  readonly startedMs: number;
  readonly sessions: ReadonlySet<DrainableSession>;
  readonly connections: Connections;
  readonly hub: Hub;
}

export interface Answer {
  /** JSON. */
  readonly body: string;
  readonly partial: boolean;
}

/** What this edge knows. */
export function answerTo(question: Question, asked: Asked): Answer {
  if (question.what === 'info') return info(asked);
  return question.what === 'channels' ? channels(question.pattern, asked) : connections(question.user, asked);
}

function info({ node, name, version, startedMs, sessions, connections: { users }, hub }: Asked): Answer {
  let count = 0;
  for (const _channel of hub.channels()) count++;
  const uptime = Math.floor((performance.now() - startedMs) / 1_000);
  const about = { uid: node, name, version, num_clients: sessions.size, num_users: users, num_channels: count, uptime };
  return { body: JSON.stringify(about), partial: false };
}

function channels(pattern: string, { hub }: Asked): Answer {
  const entries = new Entries();
  // Several stars say what one says, and would be gone through for each name.
  const glob = pattern.replaceAll(/\*+/g, '*');
  for (const { name, subscriptions } of hub.channels()) {
    if (glob !== '' && !matchesGlob(glob, name)) continue;
    if (!entries.add(name, subscriptions.size)) break;
  }
  return entries.answer();
}

function connections(user: string, { sessions, connections: index }: Asked): Answer {
  const entries = new Entries();
  for (const session of user === '' ? sessions : index.ofUser(user)) {
    if (!(session instanceof ClientSession) || session.fresh || session.closed) continue;
    const { id, codec, subscriptions } = session;
    const { transport } = session.context.carrier;
    const about = { user: session.user, transport, protocol: codec.encoding, num_channels: subscriptions.size };
    if (!entries.add(id, about)) break;
  }
  return entries.answer();
}

/** Members of a JSON object, as many as an answer may hold. */
class Entries {
  readonly #members: string[] = [];
  #bytes = 0;
  #isFull = false;

  /** False where there is no more room. */
  add(name: string, value: unknown): boolean {
    const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
    // As a text within the message, where quotes are escaped once more.
    this.#bytes += Buffer.byteLength(JSON.stringify(member));
    if (this.#members.length >= maxEntries || this.#bytes > maxBytes) this.#isFull = true;
    else this.#members.push(member);
    return !this.#isFull;
  }

  answer(): Answer {
    return { body: `{${this.#members.join(',')}}`, partial: this.#isFull };
  }
}

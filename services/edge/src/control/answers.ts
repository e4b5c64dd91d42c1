import type { Question } from '@pharos/control';

import type { Hub } from '../outbound/hub.ts';
import { ClientSession } from '../session/client-session.ts';
import type { Connections } from '../session/connections.ts';
import type { DrainableSession } from '../session/context.ts';

/** What one answer may hold, so that it is a message of a log. */
const maxEntries = 10_000;

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
  const matches = pattern === '' ? undefined : globPattern(pattern);
  const found: Record<string, number> = Object.create(null) as Record<string, number>;
  let count = 0;
  for (const { name, subscriptions } of hub.channels()) {
    if (matches?.test(name) === false) continue;
    if (++count > maxEntries) break;
    found[name] = subscriptions.size;
  }
  return { body: JSON.stringify(found), partial: count > maxEntries };
}

function connections(user: string, { sessions, connections: index }: Asked): Answer {
  const found: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  let count = 0;
  for (const session of user === '' ? sessions : index.ofUser(user)) {
    if (!(session instanceof ClientSession) || session.fresh || session.closed) continue;
    if (++count > maxEntries) break;
    const { id, codec, subscriptions } = session;
    const { transport } = session.context.carrier;
    found[id] = { user: session.user, transport, protocol: codec.encoding, num_channels: subscriptions.size };
  }
  return { body: JSON.stringify(found), partial: count > maxEntries };
}

/** `*` stands for any characters, `?` for one. */
function globPattern(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll(/\*+/g, '.*').replaceAll('?', '.')}$`, 'su');
}

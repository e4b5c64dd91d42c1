import { randomBytes } from 'node:crypto';
import type { ChangeOutcome, Leave, Member, Owner, PresenceStore } from '@pharos/presence';

/** What the suite needs of an adapter under test: one store, as each process of a fleet has its own. */
export interface PresenceUnderTest {
  newStore(): PresenceStore;
  close(): Promise<void>;
}

export const about: Buffer = Buffer.from('about');
/** Long enough never to end within a test. */
export const longMs = 600_000;

export function unique(hint: string): string {
  return `${hint}-${randomBytes(5).toString('hex')}`;
}

export function member(client: string, user = 'ann', info = 'info'): Member {
  return { client, user, info: Buffer.from(info) };
}

/** A generation of a node of its own, with a lease. */
export async function newOwner(store: PresenceStore, node: string = unique('node')): Promise<Owner> {
  const owner = { node, generation: randomBytes(4).toString('hex') };
  if (!(await store.acquire(owner, about, longMs))) throw new Error('no lease');
  return owner;
}

export async function join(
  store: PresenceStore,
  channel: string,
  owner: Owner,
  of: Member,
  id = unique('j'),
): Promise<ChangeOutcome> {
  await store.index(owner, [channel]);
  return one(await store.change([{ do: 'join', channel, id, owner, member: of }]));
}

export async function leave(
  store: PresenceStore,
  channel: string,
  client: string,
  id = unique('l'),
): Promise<Leave | undefined> {
  return one(await store.change([{ do: 'leave', channel, id, client }])).leave;
}

export async function settle(store: PresenceStore, { channel, id, client }: Leave): Promise<void> {
  one(await store.change([{ do: 'settle', channel, id, client }]));
}

export function one(outcomes: readonly (ChangeOutcome | Error)[]): ChangeOutcome {
  const [outcome] = outcomes;
  if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error('no outcome');
  return outcome;
}

export async function clients(store: PresenceStore, channel: string): Promise<string[]> {
  return (await store.members(channel)).map(({ client }) => client).sort((a, b) => (a < b ? -1 : 1));
}

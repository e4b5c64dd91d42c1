import { randomBytes } from 'node:crypto';
import { withDeadline } from '@pharos/lifecycle';
import type { RedisArgument, RedisClient, RedisReply, RedisScript, ScriptCall } from '@pharos/redis';
import { checkOwner, positive, tooMany } from '../checks.ts';
import { PresenceError } from '../errors.ts';
import {
  type Change,
  type ChangeOutcome,
  defaultMostMembers,
  type LeavesPage,
  type MemberOnNode,
  type NodeStatus,
  type Owner,
  type PresenceFailure,
  type PresenceStats,
  type PresenceStore,
} from '../port.ts';
import { decodeLeave, decodeMember, encodeMember, ownerText, parseOwner } from '../record.ts';
import { toPresenceError } from './errors.ts';
import { PresenceKeys } from './keys.ts';
import {
  acquireScript,
  buryScript,
  changeScript,
  membersScript,
  owedScript,
  statsScript,
  takeOutScript,
} from './scripts.ts';

export interface RedisPresenceOptions {
  /** Begins every key. @default 'pharos' */
  readonly keyPrefix?: string;
  /** How long one read may take, in milliseconds. @default 5000 */
  readonly deadlineMs?: number;
}

/** A node that was frozen may come back after days, and must learn that it was buried. */
const tombstoneTtlMs = 7 * 86_400_000;

/** The presence store in Redis. Its client is the owner's, who closes it afterwards. */
export class RedisPresence implements PresenceStore {
  readonly kind = 'redis';
  readonly #client: RedisClient;
  readonly #keys: PresenceKeys;
  readonly #deadlineMs: number;
  #closed = false;

  /** @throws PresenceError `invalid` */
  constructor(client: RedisClient, options: RedisPresenceOptions = {}) {
    this.#client = client;
    this.#keys = new PresenceKeys(options.keyPrefix ?? 'pharos');
    this.#deadlineMs = positive('deadlineMs', options.deadlineMs ?? 5_000);
  }

  get session(): number {
    return this.#client.session;
  }

  async acquire(owner: Owner, about: Buffer, leaseMs: number): Promise<boolean> {
    checkOwner(owner);
    positive('leaseMs', leaseMs);
    const { lease, tombstone } = this.#keys.owner(owner);
    // Known first: a lease that no reaper knows of would be no use when it ends.
    await this.#command('SADD', this.#keys.nodes, ownerText(owner));
    return (await this.#script(acquireScript, [lease, tombstone], [about, leaseMs])) === 1;
  }

  async renew(owner: Owner, about: Buffer, leaseMs: number): Promise<boolean> {
    // One plain command: nodes do this all the time. A tombstone can only be where the lease is not.
    return (await this.#command('SET', this.#keys.owner(owner).lease, about, 'XX', 'PX', leaseMs)) !== null;
  }

  async release(owner: Owner): Promise<void> {
    await this.#command('DEL', this.#keys.owner(owner).lease);
  }

  async index(owner: Owner, channels: readonly string[]): Promise<void> {
    if (channels.length > 0) await this.#command('SADD', this.#keys.owner(owner).channels, ...channels);
  }

  async unindex(owner: Owner, channels: readonly string[]): Promise<void> {
    if (channels.length > 0) await this.#command('SREM', this.#keys.owner(owner).channels, ...channels);
  }

  async change(changes: readonly Change[]): Promise<(ChangeOutcome | PresenceFailure)[]> {
    this.#assertOpen();
    const byChannel = new Map<string, number[]>();
    changes.forEach(({ channel }, index) => byChannel.set(channel, [...(byChannel.get(channel) ?? []), index]));
    const calls = [...byChannel].map(([channel, indices]) => this.#changeCall(channel, indices, changes));
    // To its end, without a deadline: who changes again must not be overtaken by what it gave up.
    const answered = await this.#client.scripts(calls);
    const outcomes: (ChangeOutcome | PresenceFailure)[] = [];
    [...byChannel].forEach(([channel, indices], call) => {
      const answer = answered[call];
      indices.forEach((index, at) => (outcomes[index] = outcomeOf(answer, at, channel, changes[index])));
    });
    return outcomes;
  }

  async members(channel: string, most: number = defaultMostMembers): Promise<MemberOnNode[]> {
    const { members: key } = this.#keys.channel(channel);
    // Page by page, so that Redis serves others in between. A page may bring somebody again.
    const members = new Map<string, MemberOnNode>();
    let cursor = '0';
    do {
      const page = list(await this.#script(membersScript, [key], [cursor, most]));
      if (page.length === 0 || members.size > most) throw tooMany(channel, most);
      cursor = String(page[0]);
      const flat = list(page[1]);
      for (let index = 0; index < flat.length; index += 2) {
        const client = String(flat[index]);
        members.set(client, decodeMember(client, bytes(flat[index + 1])));
      }
    } while (cursor !== '0');
    return this.#onLivingNodes(channel, [...members.values()]);
  }

  async stats(channel: string): Promise<PresenceStats> {
    const { members, users } = this.#keys.channel(channel);
    const [clients, people] = list(await this.#script(statsScript, [members, users], []));
    return { clients: Number(clients), users: Number(people) };
  }

  async nodes(): Promise<NodeStatus[]> {
    const owners = list(await this.#command('SMEMBERS', this.#keys.nodes)).map((owner) => parseOwner(String(owner)));
    const leases = await this.#leases(owners);
    return owners.map((owner, index) => ({ owner, lease: leases[index] }));
  }

  async bury(owner: Owner): Promise<boolean> {
    const { lease, tombstone } = this.#keys.owner(owner);
    return (await this.#script(buryScript, [lease, tombstone], [tombstoneTtlMs])) === 1;
  }

  async channelsOf(owner: Owner): Promise<string[]> {
    return list(await this.#command('SRANDMEMBER', this.#keys.owner(owner).channels, 100)).map(String);
  }

  async takeOut(owner: Owner, channel: string): Promise<void> {
    const { members, users, leaving } = this.#keys.channel(channel);
    const idPrefix = `${randomBytes(8).toString('hex')}:`;
    let cursor = '0';
    do {
      const args = [ownerText(owner), cursor, idPrefix];
      cursor = String(await this.#script(takeOutScript, [members, users, leaving], args));
    } while (cursor !== '0');
  }

  async owedLeaves(owner: Owner, channel: string, from = '0'): Promise<LeavesPage> {
    const { leaving } = this.#keys.channel(channel);
    const [cursor, flat] = list(await this.#script(owedScript, [leaving], [ownerText(owner), from]));
    const fields = list(flat);
    const leaves = [];
    for (let index = 0; index < fields.length; index += 2) {
      leaves.push(decodeLeave(channel, String(fields[index]), bytes(fields[index + 1])));
    }
    return { leaves, next: String(cursor) === '0' ? undefined : String(cursor) };
  }

  async forget(owner: Owner): Promise<void> {
    const { lease, channels } = this.#keys.owner(owner);
    await this.#command('DEL', lease, channels);
    await this.#command('SREM', this.#keys.nodes, ownerText(owner));
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #changeCall(channel: string, indices: readonly number[], changes: readonly Change[]): ScriptCall {
    const { members, users, leaving } = this.#keys.channel(channel);
    const args = indices.flatMap((index): RedisArgument[] => {
      const change = changes[index];
      if (change === undefined) return [];
      if (change.do !== 'join') return [change.do === 'leave' ? 'l' : 's', change.client, change.id, ''];
      return ['j', change.member.client, change.id, encodeMember(change.owner, change.member, change.id)];
    });
    return { script: changeScript, keys: [members, users, leaving], args };
  }

  async #onLivingNodes(channel: string, members: readonly MemberOnNode[]): Promise<MemberOnNode[]> {
    const owners = [...new Set(members.map(({ owner }) => ownerText(owner)))];
    const leases = await this.#leases(owners.map(parseOwner));
    const living = new Set(owners.filter((_owner, index) => leases[index] !== undefined));
    const dead = owners.filter((owner) => !living.has(owner));
    await Promise.all(dead.map((owner) => this.#report(parseOwner(owner), channel)));
    return members.filter(({ owner }) => living.has(ownerText(owner)));
  }

  /** One command for all where they may be on one node together. */
  async #leases(owners: readonly Owner[]): Promise<(Buffer | undefined)[]> {
    const [first, ...others] = owners.map((owner) => this.#keys.owner(owner).lease);
    if (first === undefined) return [];
    const answers =
      this.#client.mode === 'cluster'
        ? await Promise.all([first, ...others].map((key) => this.#command('GET', key)))
        : list(await this.#command('MGET', first, ...others));
    return answers.map((answer) => (Buffer.isBuffer(answer) ? answer : undefined));
  }

  /** A member of a node without a lease: its index may have been lost in a fail-over, so that no reaper would look here. */
  async #report(owner: Owner, channel: string): Promise<void> {
    await this.index(owner, [channel]);
    await this.#command('SADD', this.#keys.nodes, ownerText(owner));
  }

  #script(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.#timed(() => this.#client.script({ script, keys, args }), script.name);
  }

  #command(name: string, key: string, ...args: RedisArgument[]): Promise<RedisReply> {
    return this.#timed(() => this.#client.command(name, key, ...args), `presence ${name}`);
  }

  async #timed(work: () => Promise<RedisReply>, what: string): Promise<RedisReply> {
    this.#assertOpen();
    try {
      return await withDeadline(work(), this.#deadlineMs, what);
    } catch (error) {
      throw toPresenceError(error, what);
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new PresenceError('closed', 'the presence store was closed');
  }
}

function outcomeOf(
  answer: PromiseSettledResult<RedisReply> | undefined,
  at: number,
  channel: string,
  change: Change | undefined,
): ChangeOutcome | PresenceFailure {
  if (answer?.status !== 'fulfilled') return toPresenceError(answer?.reason, 'changing presence');
  const [fresh, leave] = list(list(answer.value)[at]);
  const client = change?.do === 'join' ? change.member.client : (change?.client ?? '');
  return { fresh: fresh === 1, leave: Buffer.isBuffer(leave) ? decodeLeave(channel, client, leave) : undefined };
}

function list(reply: RedisReply | undefined): readonly RedisReply[] {
  if (Array.isArray(reply)) return reply as readonly RedisReply[];
  throw new PresenceError('failed', 'Redis holds what no presence store wrote');
}

function bytes(reply: RedisReply | undefined): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  throw new PresenceError('failed', 'Redis holds what no presence store wrote');
}

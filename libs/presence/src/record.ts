import { PresenceError } from './errors.ts';
import type { Leave, Member, MemberOnNode, Owner } from './port.ts';

/**
 * What lies in the hashes of a channel: fields one after another, each its length in bytes, a colon, its bytes. Lua takes them apart
 * without knowing what they hold. A member is owner, user, info, id of its join and whether it was fresh; a leave is its id and the member.
 */
export function encodeFields(fields: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    fields.flatMap((field) => {
      const bytes = Buffer.from(field as string);
      return [Buffer.from(`${bytes.length}:`), bytes];
    }),
  );
}

/** @throws PresenceError `failed` */
export function decodeFields(record: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < record.length; ) {
    const colon = record.indexOf(0x3a, at);
    const length = Number(record.toString('latin1', at, colon));
    if (colon < 0 || !Number.isSafeInteger(length) || length < 0 || colon + 1 + length > record.length) {
      throw new PresenceError('failed', 'the presence store holds what no Pharos wrote');
    }
    fields.push(record.subarray(colon + 1, colon + 1 + length));
    at = colon + 1 + length;
  }
  return fields;
}

/** Whether a change was asked for before another: both have ids `<life>.<number in base 36>` of one life of a node. */
export function isLate(id: string, than: string): boolean {
  const [, life, number = ''] = lifeAndNumber.exec(id) ?? [];
  const [, other, later = ''] = lifeAndNumber.exec(than) ?? [];
  return life !== undefined && life === other && Number.parseInt(number, 36) < Number.parseInt(later, 36);
}

const lifeAndNumber = /^([0-9A-Za-z]+)\.([0-9A-Za-z]+)$/;

/** A generation holds no @, so that the first one parts the two. */
export function ownerText(owner: Owner): string {
  return `${owner.generation}@${owner.node}`;
}

export function parseOwner(text: string): Owner {
  const at = text.indexOf('@');
  return { generation: text.slice(0, at), node: text.slice(at + 1) };
}

/** The part of a member's record that its node makes; the script adds whether the join was fresh. */
export function encodeMember(owner: Owner, member: Member, joinId: string): Buffer {
  return encodeFields([ownerText(owner), member.user, member.info, joinId]);
}

export function decodeMember(client: string, record: Buffer): MemberOnNode {
  const [owner, user, info] = decodeFields(record);
  return member(client, owner, user, info);
}

export function decodeLeave(channel: string, client: string, record: Buffer): Leave {
  const [id, owner, user, info] = decodeFields(record);
  return { id: String(id), channel, ...member(client, owner, user, info) };
}

function member(client: string, owner?: Buffer, user?: Buffer, info?: Buffer): MemberOnNode {
  if (owner === undefined || user === undefined || info === undefined) {
    throw new PresenceError('failed', 'the presence store holds what no Pharos wrote');
  }
  return { client, owner: parseOwner(owner.toString()), user: user.toString(), info };
}

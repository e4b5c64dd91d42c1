import type { NewPublication } from '@pharos/bus';
import { type ClientInfo, classifyPayload, Fields, ProtocolError } from '@pharos/client-protocol';
import type { Leave, Member } from '@pharos/presence';

/** Somebody joined a channel or left it: one message of the lifecycle topic. */
export interface LifecycleEvent {
  readonly type: 'join' | 'leave';
  /** The same however often the event is written: who reads it drops what has come before. */
  readonly id: string;
  readonly channel: string;
  /** Which edge it was on. */
  readonly node: string;
  readonly info: ClientInfo;
}

/** Property of a message of a lifecycle topic: `join` or `leave`. */
const typeProperty = 'pharos-lifecycle';
const clientProperty = 'pharos-client';
const userProperty = 'pharos-user';
const idProperty = 'pharos-id';

/** The topic that the joins and leaves of a log's channels go to. */
export function lifecycleTopic(topic: string): string {
  return `${topic}-lifecycle`;
}

/**
 * The message of an event. Its key is the channel, its payload one JSON object: `type`, `channel`, `client`, `user`, `conn_info` and `chan_info`
 * where there are, `id`, `node`. What can be chosen by is in properties too.
 */
export function encodeLifecycleEvent(event: LifecycleEvent): NewPublication {
  const { type, id, channel, node, info } = event;
  const head = JSON.stringify({ type, channel, client: info.client, user: info.user });
  const tail = JSON.stringify({ id, node });
  const data = Buffer.from(`${head.slice(0, -1)}${infoMembers(info, ',')},${tail.slice(1)}`);
  const user = info.user === '' ? {} : { [userProperty]: info.user };
  return {
    channel,
    data,
    properties: { [typeProperty]: type, [clientProperty]: info.client, ...user, [idProperty]: id },
  };
}

/** The opposite; undefined for what is no event: any program may write to the topic. */
export function decodeLifecycleEvent(channel: string, data: Buffer): LifecycleEvent | undefined {
  try {
    const fields = fieldsOf(data);
    const type = fields?.string('type');
    const id = fields?.string('id') ?? '';
    if (fields === undefined || (type !== 'join' && type !== 'leave') || id === '') return undefined;
    const info = { user: fields.string('user'), client: fields.string('client'), ...infosOf(fields) };
    return { type, id, channel, node: fields.string('node'), info };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** The leave of a member that was taken out. */
export function leaveEvent(leave: Leave): LifecycleEvent {
  const { id, channel, owner } = leave;
  return { type: 'leave', id, channel, node: owner.node, info: clientInfoOf(leave) };
}

/** What a member carries besides client and user, as the presence store keeps it: a JSON object; empty where there is nothing. */
export function memberInfo(info: ClientInfo): Buffer {
  const members = infoMembers(info, '');
  return members === '' ? Buffer.alloc(0) : Buffer.from(`{${members}}`);
}

/** A member as the protocol shows it. */
export function clientInfoOf({ client, user, info }: Member): ClientInfo {
  const fields = info.length === 0 ? undefined : fieldsOf(info);
  return { user, client, ...(fields === undefined ? {} : infosOf(fields)) };
}

function infoMembers({ connInfo, chanInfo }: ClientInfo, before: string): string {
  const members = [];
  if (connInfo !== undefined) members.push(`"conn_info":${connInfo.toString()}`);
  if (chanInfo !== undefined) members.push(`"chan_info":${chanInfo.toString()}`);
  return members.length === 0 ? '' : before + members.join(',');
}

/** As raw JSON, digit by digit as it was written. */
function infosOf(fields: Fields): Pick<ClientInfo, 'connInfo' | 'chanInfo'> {
  const [connInfo, chanInfo] = [fields.raw('conn_info'), fields.raw('chan_info')];
  return {
    ...(connInfo === undefined ? {} : { connInfo: classifyPayload(connInfo).json }),
    ...(chanInfo === undefined ? {} : { chanInfo: classifyPayload(chanInfo).json }),
  };
}

function fieldsOf(data: Buffer): Fields | undefined {
  let values: unknown;
  try {
    values = JSON.parse(data.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return undefined;
  return Fields.of(values as Readonly<Record<string, unknown>>, data);
}

import { inspect } from 'node:util';
import type { RedisReply } from '@pharos/redis';
import { HistoryError } from '../errors.ts';
import { decodeNamespaces, has } from '../namespaces.ts';
import type {
  HistoryPage,
  LaneState,
  NotRecovered,
  Question,
  StoredLane,
  StoredPublication,
  WriteOutcome,
} from '../port.ts';

/** What a script says of one question, before the limits are looked at; undefined where it has to be asked again. */
export type Answer = LaneState & { readonly missed: readonly StoredPublication[] | NotRecovered };

/** Names and values in turn, or nothing where there are none. */
export function encodeProperties(properties: ReadonlyMap<string, string>): string {
  return properties.size === 0 ? '' : JSON.stringify([...properties].flat());
}

export function readWrite(reply: RedisReply, duplicates: number): WriteOutcome {
  const [written, watermark, floor] = list(reply);
  if (written !== 1) return { written: false, watermark: watermark === null ? undefined : number(watermark) };
  return { written: true, duplicates, watermark: number(watermark), floor: number(floor) };
}

export function readState(reply: RedisReply): (LaneState & { readonly forgotten: number }) | undefined {
  if (reply === null) return undefined;
  const [watermark, floor, forgotten] = list(reply);
  return { watermark: number(watermark), floor: number(floor), forgotten: number(forgotten) };
}

export function readStored(reply: RedisReply): StoredLane | undefined {
  const [watermark, floor, position, names] = list(reply);
  // A lane that isn't there has none of the fields that were asked for.
  if (watermark === null) return undefined;
  const namespaces = namespacesOf(names);
  return {
    watermark: number(watermark),
    floor: number(floor),
    ...(Buffer.isBuffer(position) ? { position: position.toString() } : {}),
    ...(namespaces === undefined ? {} : { namespaces }),
  };
}

/** As many as were answered, in the order of the questions; undefined where the lane isn't known. */
export function readAnswers(reply: RedisReply, questions: readonly Question[]): Answer[] | undefined {
  if (reply === null) return undefined;
  const [watermark, floor, answers, names] = list(reply);
  const state = { watermark: number(watermark), floor: number(floor) };
  const namespaces = namespacesOf(names);
  return list(answers).map((answer, index) => ({
    ...state,
    missed: has(namespaces, questions[index]?.namespace) ? readMissed(answer) : 'no-lane',
  }));
}

function readMissed(answer: RedisReply): Answer['missed'] {
  return Buffer.isBuffer(answer) ? (answer.toString() as NotRecovered) : list(answer).map(readEntry);
}

function namespacesOf(reply: RedisReply | undefined): readonly string[] | undefined {
  return decodeNamespaces(Buffer.isBuffer(reply) ? reply.toString() : '');
}

export function readPage(reply: RedisReply, namespace: string | undefined): HistoryPage | undefined {
  if (reply === null) return undefined;
  const [watermark, floor, top, hidden, more, entries, removed, names] = list(reply);
  if (!has(namespacesOf(names), namespace)) return undefined;
  const publications = list(entries).map(readEntry);
  return {
    watermark: number(watermark),
    floor: number(floor),
    publications,
    top: number(top),
    missingThrough: Math.max(number(hidden), number(floor)),
    removedThrough: number(removed),
    next: more === 1 ? publications.at(-1)?.offset : undefined,
  };
}

/** An entry of a stream: its id and the fields t, d and perhaps p with their values. */
function readEntry(entry: RedisReply): StoredPublication {
  const [id, fields] = list(entry);
  const [, time, , data, , properties] = list(fields);
  if (!Buffer.isBuffer(id) || !Buffer.isBuffer(data)) throw foreign(entry);
  return {
    offset: number(id.subarray(0, id.indexOf('-'))),
    timeMs: number(time),
    data,
    properties: properties === undefined ? new Map() : decodeProperties(properties),
  };
}

function decodeProperties(value: RedisReply): Map<string, string> {
  const flat = JSON.parse(String(value)) as string[];
  const properties = new Map<string, string>();
  for (let index = 0; index < flat.length; index += 2) properties.set(flat[index] ?? '', flat[index + 1] ?? '');
  return properties;
}

function list(reply: RedisReply | undefined): readonly RedisReply[] {
  if (Array.isArray(reply)) return reply as readonly RedisReply[];
  throw foreign(reply);
}

function number(reply: RedisReply | undefined): number {
  const value =
    typeof reply === 'number' ? reply : Buffer.isBuffer(reply) ? Number(reply.toString('latin1')) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw foreign(reply);
}

function foreign(reply: RedisReply | undefined): HistoryError {
  const shown = Buffer.isBuffer(reply) ? reply.toString('latin1') : inspect(reply, { depth: 2 });
  return new HistoryError('failed', `Redis holds what no history store wrote: ${shown.slice(0, 100)}`);
}

// The protocol as protobufjs understands it, and random values of each of its messages in the shape that the codec uses.
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import type { CommandName } from '../../src/wire/index.ts';

const root = protobuf.loadSync(fileURLToPath(new URL('./testdata/pulsar-api.proto', import.meta.url)));
root.resolveAll();

export function messageType(name: string): protobuf.Type {
  return root.lookupType(`pulsar.${name}`);
}

/** `BaseCommand.Type` by the codec's names. */
export const commandNumbers: Readonly<Record<CommandName, number>> = {
  connect: 2,
  connected: 3,
  subscribe: 4,
  producer: 5,
  send: 6,
  sendReceipt: 7,
  sendError: 8,
  message: 9,
  ack: 10,
  flow: 11,
  unsubscribe: 12,
  success: 13,
  error: 14,
  closeProducer: 15,
  closeConsumer: 16,
  producerSuccess: 17,
  ping: 18,
  pong: 19,
  redeliverUnacknowledgedMessages: 20,
  partitionedMetadata: 21,
  partitionedMetadataResponse: 22,
  lookup: 23,
  lookupResponse: 24,
  reachedEndOfTopic: 27,
  seek: 28,
  getLastMessageId: 29,
  getLastMessageIdResponse: 30,
  activeConsumerChange: 31,
  getTopicsOfNamespace: 32,
  getTopicsOfNamespaceResponse: 33,
  authChallenge: 36,
  authResponse: 37,
  ackResponse: 38,
  topicMigrated: 68,
};

export const commandNames: CommandName[] = Object.keys(commandNumbers) as CommandName[];

/** The field of BaseCommand that holds the command. */
export function commandField(name: CommandName): protobuf.Field {
  const field = messageType('BaseCommand').fieldsById[commandNumbers[name]];
  if (field === undefined) throw new Error(`the test's proto lacks a field for ${name}`);
  return field;
}

export function commandType(name: CommandName): protobuf.Type {
  const { resolvedType } = commandField(name).resolve();
  if (!(resolvedType instanceof protobuf.Type)) throw new Error(`${name} is no message`);
  return resolvedType;
}

const BIGINT_FIELDS = new Set(['ledgerId', 'entryId', 'txnidLeastBits', 'txnidMostBits', 'ackSet']);
const MAY_BE_MINUS_ONE = new Set([
  'sequenceId',
  'highestSequenceId',
  'lastSequenceId',
  'consumerEpoch',
  'topicEpoch',
  'epoch',
  'eventTime',
  'publishTime',
  'deliverAtTime',
]);

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 0n, max: 2n ** 49n }),
  fc.constantFrom(-1n, 0n, 2n ** 63n - 1n),
);
const count = fc.oneof(fc.nat(), fc.maxSafeNat());
const text = fc.oneof(
  { weight: 9, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 60, maxLength: 150 }) },
);
const blob = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 120, maxLength: 300 }) },
);

function fieldValue(field: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'string':
      return text;
    case 'bytes':
      return blob.map((bytes) => Buffer.from(bytes));
    case 'bool':
      return fc.boolean();
    case 'int32':
      return fc.oneof(fc.nat({ max: 200 }), fc.integer(), fc.constant(-1));
    case 'uint32':
      return fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 0xffff_ffff }));
    case 'int64':
    case 'uint64':
      if (BIGINT_FIELDS.has(field.name) || field.parent?.name === 'KeyLongValue') return int64;
      return MAY_BE_MINUS_ONE.has(field.name) ? fc.oneof(count, fc.constant(-1)) : count;
    default: {
      const { resolvedType } = field.resolve();
      if (!(resolvedType instanceof protobuf.Type)) throw new Error(`no values for ${field.fullName}`);
      return messageValue(resolvedType, depth + 1);
    }
  }
}

/** Random values of a message; optional fields are absent half of the time. */
export function messageValue(type: protobuf.Type, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const values: Record<string, fc.Arbitrary<unknown>> = {};
  const required: string[] = [];
  for (const field of type.fieldsArray) {
    // The first chunk of a first chunk means nothing, and the codec leaves it out.
    if (field.name === 'firstChunkMessageId' && depth > 1) continue;
    const value = fieldValue(field, depth);
    values[field.name] = field.repeated ? fc.array(value, { minLength: 1, maxLength: 3 }) : value;
    if (field.required) required.push(field.name);
  }
  return fc.record(values, { requiredKeys: required }).map((value) => ({ ...value }));
}

/** A decoded value without its absent fields, for comparing. */
export function present(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(present);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([name, field]) => [name, present(field)]),
  );
}

function mapFields(
  type: protobuf.Type,
  value: unknown,
  map: (field: protobuf.Field, value: unknown) => unknown,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value as Record<string, unknown>)) {
    const field = type.fields[name];
    if (field === undefined) throw new Error(`${type.name} has no field ${name}`);
    if (item === undefined) continue;
    const one = (single: unknown): unknown =>
      field.resolvedType instanceof protobuf.Type ? mapFields(field.resolvedType, single, map) : map(field, single);
    result[name] = Array.isArray(item) ? item.map(one) : one(item);
  }
  return result;
}

/** protobufjs's bytes of a value in the codec's shape. */
export function encodeByProtobufjs(type: protobuf.Type, value: unknown): Buffer {
  const message = mapFields(type, value, (field, item) => {
    if (field.type !== 'int64' && field.type !== 'uint64') return item;
    return BigInt(item as number | bigint).toString();
  });
  return Buffer.from(type.encode(type.fromObject(message)).finish());
}

/** What protobufjs reads, in the codec's shape. */
export function decodeByProtobufjs(type: protobuf.Type, bytes: Uint8Array): Record<string, unknown> {
  const object: unknown = type.toObject(type.decode(bytes), { longs: BigInt, bytes: Buffer });
  return mapFields(type, object, (field, item) => {
    if (typeof item !== 'bigint') return item;
    const signed = BigInt.asIntN(64, item);
    return BIGINT_FIELDS.has(field.name) || field.parent?.name === 'KeyLongValue' ? signed : Number(signed);
  });
}

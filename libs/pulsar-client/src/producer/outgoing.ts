// Hot path: every message that is published passes through here.
import type { MessageId } from '../message-id.ts';
import { keyValues } from '../options.ts';
import { PulsarError } from '../errors.ts';
import type { SingleMessageMetadata } from '../wire/index.ts';
import type { ProducerMessage } from './producer-config.ts';

type MessageKeys = Pick<SingleMessageMetadata, 'partitionKey' | 'partitionKeyB64Encoded' | 'orderingKey'>;

/** A copy of a message that was received, whose keys may be bytes; for a producer without batches. */
export interface ForwardedMessage extends ProducerMessage {
  readonly keys?: MessageKeys;
}

/** Resolves the promise that was given for a message, with a rejected one where it failed. */
export type Resolve = (outcome: MessageId | Promise<never>) => void;

/** A message that was handed to `send`. */
export interface Outgoing {
  readonly message: ProducerMessage;
  /** −1 until it is its turn. */
  sequenceId: number;
  /** See {@link weightOf}. */
  readonly weight: number;
  /** On the clock of `performance.now()`. */
  readonly sentAt: number;
  readonly resolve: Resolve;
}

/** What a message counts for in bounds: about its bytes. Text counts by its length, which is quick to have. */
export function weightOf(message: ProducerMessage): number {
  const { data, properties, partitionKey = '', orderingKey = '' } = message;
  let weight = 64 + data.length + partitionKey.length + orderingKey.length;
  for (const name in properties) weight += 8 + name.length + String(properties[name]).length;
  return weight;
}

/** @throws PulsarError `InvalidMessage` */
export function mustBeMessage(message: ProducerMessage): void {
  if (!Buffer.isBuffer(message.data)) throw invalid(`its data is ${typeof message.data}, expected a Buffer`);
  // A type that only shows when the frame is made would take its whole batch along.
  mustBeText('partitionKey', message.partitionKey);
  mustBeText('orderingKey', message.orderingKey);
  for (const name in message.properties) mustBeText(`property ${name}`, message.properties[name]);
  mustBeCount('sequenceId', message.sequenceId);
  mustBeCount('eventTimestamp', message.eventTimestamp);
  mustBeCount('deliverAt', message.deliverAt);
  mustBeCount('deliverAfter', message.deliverAfter);
  if (message.replicationClusters !== undefined) mustBeTexts('replicationClusters', message.replicationClusters);
}

function mustBeTexts(name: string, values: unknown): void {
  if (!Array.isArray(values)) throw invalid(`its ${name} is ${typeof values}, expected a list of texts`);
  for (const value of values) mustBeText(`${name} has a member that`, value);
}

function mustBeCount(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return;
  throw invalid(`its ${name} is ${String(value)}, expected an integer, at least 0`);
}

function mustBeText(what: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'string') throw invalid(`its ${what} is ${typeof value}, expected text`);
}

/** Whether it must be an entry of its own: what the broker does with it, it does with whole entries. */
export function standsAlone(message: ProducerMessage): boolean {
  return (
    message.deliverAt !== undefined ||
    message.deliverAfter !== undefined ||
    message.replicationClusters !== undefined ||
    message.disableReplication === true
  );
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Metadata of a message inside a batch: one object, filled anew for each and encoded at once. To make one for each cost more than to write it. */
export class SingleMetadata {
  readonly #value: Writable<SingleMessageMetadata> = {
    properties: undefined,
    partitionKey: undefined,
    payloadSize: 0,
    compactedOut: undefined,
    eventTime: undefined,
    partitionKeyB64Encoded: undefined,
    orderingKey: undefined,
    sequenceId: undefined,
    nullValue: undefined,
    nullPartitionKey: undefined,
  };

  /** Valid until the next call. */
  of({ message, sequenceId }: Outgoing): SingleMessageMetadata {
    const value = this.#value;
    const { properties, orderingKey } = message;
    value.properties = properties === undefined ? undefined : keyValues(properties);
    value.partitionKey = message.partitionKey;
    value.payloadSize = message.data.length;
    value.eventTime = message.eventTimestamp;
    value.orderingKey = orderingKey === undefined ? undefined : Buffer.from(orderingKey, 'utf8');
    value.sequenceId = sequenceId;
    return value;
  }
}

/** Metadata that a message has inside a batch and on its own. */
export function commonMetadata(message: ProducerMessage): Omit<SingleMessageMetadata, 'payloadSize' | 'sequenceId'> {
  return {
    properties: message.properties === undefined ? undefined : keyValues(message.properties),
    ...keysOf(message),
    eventTime: message.eventTimestamp,
  };
}

/** What the broker goes by where it shares entries out by key. */
export function keysOf(message: ForwardedMessage): MessageKeys {
  return (
    message.keys ?? {
      partitionKey: message.partitionKey,
      orderingKey: message.orderingKey === undefined ? undefined : Buffer.from(message.orderingKey, 'utf8'),
    }
  );
}

function invalid(why: string): PulsarError {
  return new PulsarError('InvalidMessage', `the message can not be sent: ${why}`);
}

import { isUtf8 } from 'node:buffer';

/** What this command needs of a Pulsar message. */
export interface ReceivedMessage {
  getTopicName(): string;
  getPartitionKey(): string;
  getData(): Buffer;
  getProperties(): { readonly [key: string]: string };
  getPublishTimestamp(): number;
  getMessageId(): { toString(): string };
  getRedeliveryCount(): number;
}

export interface TextOptions {
  readonly json: boolean;
  /** Whether a person reads along: then control characters are shown, not obeyed. */
  readonly terminal: boolean;
}

const PREFIX = Buffer.from('Received message: ');
const NEWLINE = Buffer.from('\n');

/** Pharos puts markers into a log where it needs a position and there is no message; they are nobody's text. */
export function isMarker(message: ReceivedMessage): boolean {
  return Object.hasOwn(message.getProperties(), 'pharos-marker');
}

/** A message as it is printed, with its newline. Without `json` the payload's bytes stay as they are. */
export function messageText(message: ReceivedMessage, options: TextOptions): Buffer {
  if (options.json) return Buffer.from(`${JSON.stringify(toJson(message))}\n`);
  const data = message.getData();
  const shown = options.terminal ? Buffer.from(withoutControls(data.toString('utf8'))) : data;
  return Buffer.concat([PREFIX, shown, NEWLINE]);
}

function toJson(message: ReceivedMessage): Record<string, unknown> {
  const data = message.getData();
  const key = message.getPartitionKey();
  return {
    topic: message.getTopicName(),
    ...(key === '' ? {} : { key }),
    ...(isUtf8(data) ? { data: data.toString('utf8') } : { b64data: data.toString('base64') }),
    properties: message.getProperties(),
    publishTime: new Date(message.getPublishTimestamp()).toISOString(),
    messageId: message.getMessageId().toString(),
    redeliveryCount: message.getRedeliveryCount(),
  };
}

/** Anybody may write to a topic; what they write must not steer the reader's terminal. */
function withoutControls(text: string): string {
  return text.replace(/[^\P{Cc}\t\n]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

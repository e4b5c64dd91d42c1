/*
 * CommandPong has no fields.
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readTag, skipField } from '../protobuf.ts';

/** Answers PING. */
export type CommandPong = Readonly<Record<never, never>>;

export function encodeCommandPong(_writer: ByteWriter, _command: CommandPong): void {}

export function decodeCommandPong(reader: ByteReader): CommandPong {
  while (reader.remaining > 0) skipField(reader, readTag(reader));
  return {};
}

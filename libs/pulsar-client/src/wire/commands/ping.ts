/*
 * CommandPing has no fields.
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readTag, skipField } from '../protobuf.ts';

/** Asks whether the other side is alive. */
export type CommandPing = Readonly<Record<never, never>>;

export function encodeCommandPing(_writer: ByteWriter, _command: CommandPing): void {}

export function decodeCommandPing(reader: ByteReader): CommandPing {
  while (reader.remaining > 0) skipField(reader, readTag(reader));
  return {};
}

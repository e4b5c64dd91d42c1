import type { ByteWriter } from '@pharos/bytes';
import type { DecodeOptions } from './decode-options.ts';
import { decodeCommands } from './json/decode-commands.ts';
import { appendPush, encodePush } from './json/encode-pushes.ts';
import { appendReply, encodeReply, serverPing } from './json/encode-replies.ts';
import type { Command } from './messages/command.ts';
import type { Push } from './messages/push.ts';
import type { Reply } from './messages/reply.ts';
import { decodeProtobufCommands } from './protobuf/decode-commands.ts';
import { appendProtobufPush, encodeProtobufPush } from './protobuf/encode-pushes.ts';
import { appendProtobufReply, encodeProtobufReply, protobufServerPing } from './protobuf/encode-replies.ts';

export type Encoding = 'json' | 'protobuf';

/** One encoding of the protocol. What is raw in a message must be in the same encoding, see `RawData`. */
export interface Codec {
  readonly encoding: Encoding;
  /** Whether its frames are binary WebSocket messages. */
  readonly binary: boolean;
  readonly serverPing: Buffer;
  /**
   * All commands of a frame, at least one; their raw members are copies.
   * @throws ProtocolError; nothing else, whatever the bytes
   */
  readonly decodeCommands: (frame: Buffer, options?: DecodeOptions) => Command[];
  /** One reply as a frame of its own. */
  readonly encodeReply: (reply: Reply) => Buffer;
  /** One push as a frame of its own. */
  readonly encodePush: (push: Push) => Buffer;
  /** Appends to a frame that may hold messages already. */
  readonly appendReply: (frame: ByteWriter, reply: Reply) => void;
  readonly appendPush: (frame: ByteWriter, push: Push) => void;
}

export const jsonCodec: Codec = {
  encoding: 'json',
  binary: false,
  serverPing,
  decodeCommands,
  encodeReply,
  encodePush,
  appendReply,
  appendPush,
};

export const protobufCodec: Codec = {
  encoding: 'protobuf',
  binary: true,
  serverPing: protobufServerPing,
  decodeCommands: decodeProtobufCommands,
  encodeReply: encodeProtobufReply,
  encodePush: encodeProtobufPush,
  appendReply: appendProtobufReply,
  appendPush: appendProtobufPush,
};

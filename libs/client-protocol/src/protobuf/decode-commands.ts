import { ByteReader, MalformedBytes } from '@pharos/bytes';
import { type DecodeOptions, defaultMaxCommands } from '../decode-options.ts';
import { ProtocolError } from '../errors.ts';
import type { Command } from '../messages/command.ts';
import { requestsByField } from './decode-requests.ts';
import { MessageReader } from './message-reader.ts';

/**
 * The commands in one binary WebSocket message: Protobuf messages, each after its length as a varint, at least one. All or
 * nothing: one bad command refuses the frame. A message of no bytes answers the server's ping.
 *
 * Raw members (`data`) are copied out of the frame, which may be reused afterwards.
 *
 * @throws ProtocolError; nothing else, whatever the bytes
 */
export function decodeProtobufCommands(frame: Buffer, options: DecodeOptions = {}): Command[] {
  const maxCommands = options.maxCommands ?? defaultMaxCommands;
  const reader = new ByteReader(frame);
  const commands: Command[] = [];
  try {
    while (reader.remaining > 0) {
      if (commands.length === maxCommands) {
        throw new ProtocolError('frame-too-long', `the frame holds more than ${maxCommands} commands`);
      }
      const length = reader.varintNumber();
      const start = reader.position;
      reader.skip(length);
      commands.push(length === 0 ? { method: 'pong' } : decodeCommand(MessageReader.of(frame, start, start + length)));
    }
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    throw new ProtocolError('invalid-protobuf', `the frame is not valid Protobuf: ${error.message}`);
  }
  if (commands.length === 0) throw new ProtocolError('empty-frame', 'the frame holds no command');
  return commands;
}

/** Command: id[1], and one request in the field of its method. */
function decodeCommand(command: MessageReader): Command {
  let id = 0;
  let field = 0;
  let request: MessageReader | undefined;
  while (command.next()) {
    const known = requestsByField.get(command.field);
    if (command.field === 1) id = command.uint32('id');
    else if (known === undefined) command.skip();
    else {
      const other = requestsByField.get(field);
      if (other !== undefined && other !== known) {
        throw new ProtocolError('several-commands', `one command can't be both ${other.method} and ${known.method}`);
      }
      field = command.field;
      request = command.message(known.method);
    }
  }
  const known = requestsByField.get(field);
  if (known === undefined || request === undefined) {
    const methods = [...requestsByField.values()].map(({ method }) => method);
    throw new ProtocolError('unknown-command', `expected one of ${methods.join(', ')} in the command`);
  }
  if (id === 0 && known.method !== 'send') {
    throw new ProtocolError('missing-id', 'id: expected an integer of 1 to 4294967295, got none');
  }
  return known.decode(id, request);
}

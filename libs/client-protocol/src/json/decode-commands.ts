import { isUtf8 } from '@pharos/bytes';
import { type DecodeOptions, defaultMaxCommands } from '../decode-options.ts';
import { ProtocolError } from '../errors.ts';
import type { Command } from '../messages/command.ts';
import { type CommandDecoder, commandDecoders } from './decode-requests.ts';
import { Fields, isObject } from './fields.ts';
import { isJson, maxJsonDepth, skipSpace } from './scan.ts';

const NEWLINE = 0x0a;

// `data` lies two objects deep in a command, and what a client publishes must be JSON to its readers too.
const MAX_COMMAND_DEPTH = maxJsonDepth + 2;

/**
 * The commands in one WebSocket message: JSON objects joined by newlines, at least one. All or nothing: one bad command
 * refuses the frame.
 *
 * Raw members (`data`) are the bytes that the client wrote, copied out of the frame, which may be reused afterwards.
 *
 * @throws ProtocolError; nothing else, whatever the bytes
 */
export function decodeCommands(frame: Buffer | string, options: DecodeOptions = {}): Command[] {
  const bytes = typeof frame === 'string' ? Buffer.from(frame, 'utf8') : frame;
  if (!isUtf8(bytes)) throw new ProtocolError('invalid-utf8', 'the frame is not valid UTF-8');
  const maxCommands = options.maxCommands ?? defaultMaxCommands;
  const commands: Command[] = [];
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    start = end + 1;
    if (skipSpace(line, 0) === line.length) continue;
    if (commands.length === maxCommands) {
      throw new ProtocolError('frame-too-long', `the frame holds more than ${maxCommands} commands`);
    }
    commands.push(decodeCommand(line));
  }
  if (commands.length === 0) throw new ProtocolError('empty-frame', 'the frame holds no command');
  return commands;
}

function decodeCommand(line: Buffer): Command {
  const values = parseObject(line);
  const names = Object.keys(values);
  if (names.length === 0) return { method: 'pong' };

  const fields = Fields.of(values, line);
  let method: string | undefined;
  let decoder: CommandDecoder | undefined;
  for (const name of names) {
    const candidate = commandDecoders.get(name);
    // `null` is an absent message in the JSON form of Protobuf.
    if (candidate === undefined || values[name] === null) continue;
    if (method !== undefined)
      throw new ProtocolError('several-commands', `one command can't be both ${method} and ${name}`);
    method = name;
    decoder = candidate;
  }
  const request = method === undefined ? undefined : fields.object(method);
  if (decoder === undefined || request === undefined) {
    throw new ProtocolError(
      'unknown-command',
      `expected one of ${[...commandDecoders.keys()].join(', ')} in the command`,
    );
  }
  return decoder(commandId(fields, method === 'send'), request);
}

function commandId(fields: Fields, optional: boolean): number {
  const id = fields.uint32('id');
  if (id === 0 && !optional)
    throw new ProtocolError('missing-id', 'id: expected an integer of 1 to 4294967295, got none');
  return id;
}

/** What an object of a client's says, no deeper than the server takes. @throws ProtocolError */
export function parseObject(line: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    // The parser's message quotes the frame, which may hold a token: it isn't passed on.
    throw new ProtocolError('invalid-json', 'a line of the frame is not valid JSON');
  }
  if (!isObject(value)) throw new ProtocolError('invalid-json', 'a line of the frame is JSON, but not an object');
  // The scanner agrees with the parser on what is JSON, so all that it refuses here is depth.
  if (!isJson(line, MAX_COMMAND_DEPTH)) {
    throw new ProtocolError('too-deep', `the command is nested more than ${MAX_COMMAND_DEPTH} deep`);
  }
  return value;
}

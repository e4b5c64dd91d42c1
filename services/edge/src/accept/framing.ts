// Hot path of the connections that are written to in another form than WebSocket messages.
import type { Framing } from '../outbound/relay.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const lineEnd = Buffer.from('\n');
const eventBegin = Buffer.from('data: ');
const eventEnd = Buffer.from('\n\n');
const pushBegin = Buffer.from('{"push":');

/** JSON, one message a line. */
export const jsonLines: Framing = { frames: (message) => [Buffer.concat([message, lineEnd])] };

/** Protobuf: each message of a frame has its length before it already. */
export const protobufStream: Framing = { frames: (message) => [message] };

/** JSON, one message an event (`text/event-stream`). */
export const jsonEvents: Framing = { frames: (message) => [events(linesOf(message))] };

/** For unidirectional clients: pushes by themselves, without the reply around them. */
export const pushLines: Framing = { frames: (message) => [lines(linesOf(message).map(barePush))] };
export const pushEvents: Framing = { frames: (message) => [events(linesOf(message).map(barePush))] };
/** One push a frame. */
export const pushFrames: Framing = { frames: (message) => linesOf(message).map(barePush) };

/** A frame of JSON messages, taken apart. Newlines are between them and nowhere else. */
function linesOf(message: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let start = 0; start < message.length; ) {
    const end = message.indexOf(newline, start);
    if (end === -1) {
      found.push(message.subarray(start));
      break;
    }
    found.push(message.subarray(start, end));
    start = end + 1;
  }
  return found;
}

function lines(messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => [message, lineEnd]));
}

/**
 * A carriage return ends a line of an event stream too. In JSON it can only be space between tokens, where any space does: what a client or
 * another program published must not become an event of its own.
 */
function events(messages: readonly Buffer[]): Buffer {
  const stream = Buffer.concat(messages.flatMap((message) => [eventBegin, message, eventEnd]));
  for (let at = stream.indexOf(carriageReturn); at !== -1; at = stream.indexOf(carriageReturn, at)) stream[at] = space;
  return stream;
}

/** `{"push":X}` → `X`; what is no push (a ping) stays what it is. */
function barePush(message: Buffer): Buffer {
  const isPush = message.length > pushBegin.length && pushBegin.equals(message.subarray(0, pushBegin.length));
  return isPush ? message.subarray(pushBegin.length, message.length - 1) : message;
}

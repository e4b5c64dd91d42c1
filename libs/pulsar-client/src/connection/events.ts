import type { PulsarError } from '../errors.ts';
import type { CommandMap } from '../wire/index.ts';
import type { Move } from './move.ts';

/** What the broker says to one producer of a connection. */
export interface ProducerEvents {
  receipt(command: CommandMap['sendReceipt']): void;
  sendError(command: CommandMap['sendError']): void;
  /** The socket takes more again, after `writable` was false. */
  writable(): void;
  /** Where it is to attach after it is detached, which follows. */
  moved(to: Move): void;
  /** The broker let go of it, or the connection is gone; `error` says why. It is registered no more. */
  detached(error: PulsarError): void;
}

/** What the broker says to one consumer of a connection. */
export interface ConsumerEvents {
  message(command: CommandMap['message'], entry: Buffer): void;
  activeChanged(active: boolean): void;
  endOfTopic(): void;
  moved(to: Move): void;
  detached(error: PulsarError): void;
}

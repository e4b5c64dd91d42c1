// The clients of one server: opens connections and checks what they receive.
import type { Encoding } from '@pharos/client-protocol';
import { withDeadline, Deferred } from '@pharos/lifecycle';

import { serveCommands } from '../frame/commands.ts';
import { Connection, type ConnectionEvents } from '../frame/connection.ts';
import { type Checked, DeliveryCheck } from '../frame/delivery-check.ts';
import { payloadMarker, sequenceAt } from '../frame/payload.ts';
import type { ReceiverCommands } from '../frame/roles.ts';

/** Connections that are being opened at a time: a listener's queue holds 512. */
const maxOpening = 128;
const openTimeoutMs = 60_000;
const probeTimeoutMs = 30_000;
const newline = 0x0a;

class Receiver implements ConnectionEvents {
  readonly #check = new DeliveryCheck();
  readonly #connections: Connection[] = [];
  #encoding: Encoding = 'json';
  /** Where a publication's number stands in its message; the frames of a server all begin alike. */
  #sequenceAt = -1;
  #failure: Error | undefined;
  #target = Number.POSITIVE_INFINITY;
  #reached = expectation();
  #probesDue = 0;
  #probesIn = expectation();

  async connect(params: Parameters<ReceiverCommands['connect']>[0]): Promise<void> {
    const { port, connections, protocol, encoding, secure = false } = params;
    this.#encoding = encoding;
    let left = connections;
    const open = async (): Promise<void> => {
      while (left > 0) {
        left--;
        const connection = new Connection(this.#check.addConnection(), port, { protocol, encoding, secure }, this);
        this.#connections.push(connection);
        await connection.live;
      }
    };
    const all = Promise.all(Array.from({ length: maxOpening }, open));
    await withDeadline(all, openTimeoutMs, `opening ${connections} connections`);
  }

  async awaitDeliveries(published: number, timeoutMs: number): Promise<boolean> {
    this.#mustBeWell();
    this.#target = published * this.#connections.length;
    if (this.#check.deliveries >= this.#target) return true;
    this.#reached = expectation();
    let timer: NodeJS.Timeout | undefined;
    const timeUp = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), timeoutMs)));
    try {
      return await Promise.race([this.#reached.promise.then(() => true), timeUp]);
    } finally {
      clearTimeout(timer);
    }
  }

  async check(published: number): Promise<Checked> {
    this.#mustBeWell();
    this.#probesIn = expectation();
    this.#probesDue = this.#connections.length;
    for (const connection of this.#connections) connection.probe();
    await withDeadline(this.#probesIn.promise, probeTimeoutMs, 'the answers to pings');
    return this.#check.result(published);
  }

  /** Hot: once for every frame that arrives. */
  readonly data = (connection: number, bytes: Buffer, start: number, end: number): void => {
    this.#check.frame();
    for (let line = start; line < end; line = this.#next(bytes, line, end)) {
      let sequence = this.#sequenceAt < 0 ? -1 : sequenceAt(bytes, line + this.#sequenceAt);
      if (sequence < 0) {
        const marker = bytes.subarray(line, end).indexOf(payloadMarker);
        if (marker < 0) return this.failed(new Error(`not a publication: ${bytes.toString('utf8', line, end)}`));
        this.#sequenceAt = marker + payloadMarker.length;
        sequence = sequenceAt(bytes, line + this.#sequenceAt);
      }
      this.#check.accept(connection, sequence);
    }
    if (this.#check.deliveries >= this.#target) this.#reached.resolve();
  };

  /** Where the message after the one at `at` begins. */
  #next(bytes: Buffer, at: number, end: number): number {
    let index = at;
    if (this.#encoding === 'json') {
      index += this.#sequenceAt;
      while (index < end && bytes[index] !== newline) index++;
      return index + 1;
    }
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[index++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) return index + length;
    }
  }

  readonly probed = (): void => {
    if (--this.#probesDue === 0) this.#probesIn.resolve();
  };

  readonly failed = (error: Error): void => {
    this.#failure ??= error;
    this.#reached.reject(error);
    this.#probesIn.reject(error);
  };

  #mustBeWell(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** May fail while nobody waits for it: the failure is kept and told to the next who does. */
function expectation(): Deferred {
  const deferred = new Deferred();
  deferred.promise.catch(() => undefined);
  return deferred;
}

const receiver = new Receiver();
const commands: ReceiverCommands = {
  connect: (options) => receiver.connect(options),
  awaitDeliveries: ({ published, timeoutMs }) => receiver.awaitDeliveries(published, timeoutMs),
  check: ({ published }) => receiver.check(published),
};
await serveCommands(commands);
process.exit();

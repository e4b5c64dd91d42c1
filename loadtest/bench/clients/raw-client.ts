import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { clientFrame, opcodes, ServerStream, upgradeRequest } from '@pharos/testkit';

import type { CrowdClient } from './crowd.ts';
import type { Endpoints } from './endpoints.ts';
import { messageOf } from './message.ts';
import { ClientRecord } from './record.ts';
import type { Publication, Push, Reply, SubscribeReply } from './reply.ts';

/** Reads of all connections go to one buffer: what is read is dealt with before the next read. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);
const minReconnectMs = 50;
const maxReconnectMs = 1_000;
const pong = Buffer.from('{}');
/** A subscription that the server ended with this code or a higher one is to be made again. */
const resubscribeFrom = 2_500;

interface Position {
  offset: number;
  epoch: string;
}

/**
 * The protocol by hand, JSON only, for runs with more clients than the SDK would leave the machine to. It resumes as the SDK does:
 * by the offset of the newest publication, or what the answer said where none came.
 */
export class RawClient implements CrowdClient {
  readonly record: ClientRecord;
  readonly #channels: readonly string[];
  readonly #endpoints: Endpoints;
  readonly #joinLeave: boolean;
  readonly #positions = new Map<string, Position>();
  readonly #home: number;
  #turn: number;
  #failures = 0;
  #url = '';
  #socket: Socket | undefined;
  #id = '';
  #closed = false;
  /** It doesn't connect. */
  #isOff = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, channels: readonly string[], endpoints: Endpoints, first: number, joinLeave: boolean) {
    this.record = new ClientRecord(name, channels);
    this.#channels = channels;
    this.#endpoints = endpoints;
    this.#home = first;
    this.#turn = first;
    this.#joinLeave = joinLeave;
    this.#connect();
  }

  /** Ends its connection without a word, and stays away. */
  cutOff(): void {
    this.#isOff = true;
    this.#drop();
  }

  comeBack(): void {
    this.#isOff = false;
    this.#connect();
  }

  goHome(): void {
    if (this.#url === this.#endpoints.at(this.#home)) return;
    this.#turn = this.#home;
    this.#drop();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.record.left();
    this.#socket?.destroy();
  }

  #connect(): void {
    this.#url = this.#endpoints.at(this.#turn++);
    const { hostname, port, pathname } = new URL(this.#url);
    let code = 0;
    const stream = new ServerStream({
      opened: () => this.#greet(socket),
      refused: () => socket.destroy(),
      frame: (opcode, bytes, start, end) => {
        if (opcode === opcodes.text) this.#text(bytes.toString('utf8', start, end));
        else if (opcode === opcodes.ping) socket.write(clientFrame(opcodes.pong, bytes.subarray(start, end)));
        else if (opcode === opcodes.close) {
          if (end - start >= 2) code = bytes.readUInt16BE(start);
          socket.end();
        }
      },
    });
    const socket = connect({
      host: hostname,
      port: Number(port),
      onread: { buffer: readBuffer, callback: (length) => (stream.read(readBuffer.subarray(0, length)), true) },
    });
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.once('connect', () => socket.write(upgradeRequest(`${hostname}:${port}`, pathname)));
    // An error is followed by a close.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (socket === this.#socket) this.#ended(code);
    });
  }

  /** All at once, as the SDK does: connect, and a subscribe for each channel, with what is known of it. */
  #greet(socket: Socket): void {
    const commands: object[] = [{ id: 1, connect: {} }];
    for (const [index, channel] of this.#channels.entries()) commands.push(this.#subscribeCommand(index, channel));
    socket.write(clientFrame(opcodes.text, Buffer.from(commands.map((command) => JSON.stringify(command)).join('\n'))));
  }

  #subscribeCommand(index: number, channel: string): object {
    const position = this.#positions.get(channel);
    const recover = position === undefined ? {} : { recover: true, offset: position.offset, epoch: position.epoch };
    const joinLeave = this.#joinLeave ? { join_leave: true } : {};
    const subscribe = { channel, recoverable: true, positioned: true, ...joinLeave, ...recover };
    return { id: index + 2, subscribe };
  }

  #text(text: string): void {
    for (const line of text.split('\n')) {
      if (line === '{}') this.#send(pong);
      else if (line !== '') this.#reply(JSON.parse(line) as Reply);
    }
  }

  #reply({ id, error, connect: connected, subscribe, push }: Reply): void {
    if (push !== undefined) return this.#push(push);
    if (connected !== undefined) {
      this.#id = connected.client;
      this.#failures = 0;
      return;
    }
    const channel = this.#channels[(id ?? 0) - 2];
    if (channel === undefined) {
      if (error !== undefined) this.#socket?.destroy();
      return;
    }
    if (error !== undefined) {
      this.record.refused(channel, error.code);
      // As the SDK: a temporary error is tried again.
      void this.#subscribeLater(channel);
    } else if (subscribe !== undefined) this.#subscribed(channel, subscribe);
  }

  #subscribed(channel: string, answer: SubscribeReply): void {
    const { offset = 0, epoch = '', recoverable = false, recovered = false } = answer;
    const wasRecovering = answer.was_recovering ?? false;
    const what = { offset, epoch, recoverable, wasRecovering, recovered };
    this.record.subscribed(channel, this.#id, this.#url, what);
    this.#positions.set(channel, { offset, epoch });
    for (const publication of answer.publications ?? []) this.#publication(channel, publication);
  }

  #publication(channel: string, { offset = 0, data }: Publication): void {
    this.record.publication(channel, offset, messageOf(data));
    const position = this.#positions.get(channel);
    if (position !== undefined) position.offset = Math.max(position.offset, offset);
  }

  #push({ channel, pub, join, leave, unsubscribe }: Push): void {
    if (pub !== undefined) this.#publication(channel, pub);
    else if (join !== undefined) this.record.joinOrLeave(channel, 'join', join.info.client);
    else if (leave !== undefined) this.record.joinOrLeave(channel, 'leave', leave.info.client);
    else if (unsubscribe !== undefined) {
      this.record.unsubscribed(channel, unsubscribe.code);
      if (unsubscribe.code >= resubscribeFrom) void this.#subscribeLater(channel);
    }
  }

  async #subscribeLater(channel: string): Promise<void> {
    const socket = this.#socket;
    await delay(minReconnectMs + Math.random() * maxReconnectMs);
    // Another connection has subscribed to everything.
    if (socket !== this.#socket || this.#closed) return;
    const command = this.#subscribeCommand(this.#channels.indexOf(channel), channel);
    this.#send(Buffer.from(JSON.stringify(command)));
  }

  #send(text: Buffer): void {
    this.#socket?.write(clientFrame(opcodes.text, text));
  }

  /** Its end is known now, and not when the socket says so: who waits must not take it for subscribed. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#ended(0);
    socket?.destroy();
  }

  #ended(code: number): void {
    if (this.#closed) return;
    if (this.#id !== '') this.record.disconnected(code);
    this.#id = '';
    const wait = Math.min(maxReconnectMs, minReconnectMs * 2 ** this.#failures++);
    const waitMs = wait / 2 + (Math.random() * wait) / 2;
    clearTimeout(this.#timer);
    if (!this.#isOff) this.#timer = setTimeout(() => this.#connect(), waitMs);
  }
}

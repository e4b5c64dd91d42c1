import { randomUUID } from 'node:crypto';

import { describeError } from '@pharos/errors';
import type { Socket } from '@pharos/socket-server';

import { chatLine } from '../inbound/text-line.ts';
import type { Subscription } from '../outbound/live-channel.ts';
import type { Subscriber } from '../outbound/subscriber.ts';
import { CommandRates } from './command-rates.ts';
import { NamespaceRates } from './namespace-rates.ts';
import type { ChatContext, DrainableSession, SessionContext } from './context.ts';
import { takePart } from './take-part.ts';

/** Close codes of the WebSocket protocol itself: a plain-text client knows no others. */
const textClose = {
  goingAway: { code: 1001, reason: 'shutdown' },
  unsupported: { code: 1003, reason: 'plain-text chat takes text messages' },
  tryAgain: 1013,
  slow: { code: 3008, reason: 'slow' },
} as const;

/** Texts of one client that wait for the log; a client that sends faster than that is closed. */
const maxPublishesUnderWay = 256;
/** Bytes of texts that may wait for their sender to be joined, before the one that goes beyond: no queue of the log's counts them. */
const maxHeldBytes = 64 * 1024;

/**
 * A plain-text chat client: what it sends reaches everybody in the chat channel as `[<id>] <text>`, and every publication
 * of that channel reaches it as text.
 *
 * It has no protocol to be told errors in, so whatever goes wrong for it is said by a close.
 */
export class TextSession implements Subscriber, DrainableSession {
  readonly variant = 'text';
  readonly id: string = randomUUID();
  readonly #context: SessionContext;
  readonly #chat: ChatContext;
  #socket: Socket<TextSession> | undefined;
  #subscription: Subscription | undefined;
  readonly #rates: CommandRates | undefined;
  readonly #namespaceRates = new NamespaceRates();
  #underWay = 0;
  /** While it waits for the lane: whether it came to it. What it says meanwhile waits too, else all would hear it but itself. */
  #joining: Promise<boolean> | undefined;
  #heldBytes = 0;
  /** Takes no more messages; closed once what it sent is in the log. */
  #leaving = false;

  constructor(context: SessionContext, chat: ChatContext) {
    this.#context = context;
    this.#chat = chat;
    this.#rates = CommandRates.of(context.limits);
  }

  get socket(): Socket<unknown> {
    return this.#socket as Socket<TextSession>;
  }

  opened(socket: Socket<TextSession>): void {
    this.#socket = socket;
    this.#context.sessions.add(this);
    const { feed } = this.#chat;
    if (feed.attached) return this.#join();
    this.#joining = feed.ready(this.#context.limits.attachTimeoutMs).then(
      () => {
        this.#joining = undefined;
        this.#join();
        return true;
      },
      () => {
        this.#close(textClose.tryAgain, 'the log is not reachable');
        return false;
      },
    );
  }

  message(message: Buffer, isBinary: boolean): void {
    if (this.#leaving) return;
    this.#context.metrics.messagesReceived.inc({ transport: 'text' });
    if (isBinary) return this.#close(textClose.unsupported.code, textClose.unsupported.reason);
    if (this.#underWay >= maxPublishesUnderWay || this.#heldBytes > maxHeldBytes)
      return this.#close(textClose.tryAgain, 'too many messages wait for the log');
    // Each text is a publish, and it has no answer.
    const { namespace } = this.#chat;
    if (this.#rates?.take('publish') === false || !this.#namespaceRates.take('publish', namespace))
      return this.#close(textClose.tryAgain, 'too many messages');
    this.#underWay++;
    // `chatLine` copies: the message is the socket server's again when this function returns.
    const line = chatLine(this.id, message);
    if (this.#joining !== undefined) this.#heldBytes += line.length;
    void this.#publish(line);
  }

  onClosed(): void {
    this.#context.sessions.delete(this);
    if (this.#subscription !== undefined) this.#chat.feed.leave(this.#subscription);
    this.#subscription = undefined;
  }

  shutdown(): void {
    if (this.#underWay === 0) this.shutdownNow();
    else this.#leaving = true;
  }

  shutdownNow(): void {
    this.#close(textClose.goingAway.code, textClose.goingAway.reason);
  }

  disconnectSlow(): void {
    this.#context.metrics.slowConnections.inc({ transport: 'text' });
    this.#close(textClose.slow.code, textClose.slow.reason);
  }

  /** It can't resume: the close tells it that it missed something. */
  insufficientState(): void {
    this.#close(textClose.tryAgain, 'messages were lost before they could be sent');
  }

  #join(): void {
    if (this.socket.closed) return;
    const { channel, feed, namespace } = this.#chat;
    this.#subscription = feed.join(channel, this, true);
    takePart(this.#context, namespace.options, this.#subscription, { client: this.id, user: '' }, undefined);
  }

  async #publish(line: Buffer): Promise<void> {
    const { channel, namespace } = this.#chat;
    try {
      // Where it did not come to it, its sender was told by the close.
      if (this.#joining !== undefined && !(await this.#joining)) return;
      this.#heldBytes = 0;
      await this.#context.publisher.publish(namespace, channel, { data: line }, { clientId: this.id, user: '' });
    } catch (error) {
      this.#context.logger.debug({ err: error, client: this.id }, 'a chat text could not be published');
      this.#close(textClose.tryAgain, shorten(`message not sent: ${describeError(error)}`));
    } finally {
      this.#underWay--;
      if (this.#leaving && this.#underWay === 0) this.shutdownNow();
    }
  }

  #close(code: number, reason: string): void {
    this.#socket?.end(code, reason);
  }
}

/** A close reason is at most 123 bytes on the wire. */
function shorten(text: string): string {
  let bytes = Buffer.from(text);
  if (bytes.length <= 120) return text;
  bytes = bytes.subarray(0, 117);
  return `${bytes.toString('utf8').replace(/\uFFFD+$/, '')}…`;
}

import { type Bus, BusError } from '@pharos/bus';
import type { LivingLog } from '@pharos/channels';
import { classifyPayload, disconnectCodes, type RawData, unsubscribeCodes } from '@pharos/client-protocol';
import {
  type ConnectionCommand,
  type ControlConfig,
  type ControlLogs,
  type EdgeWord,
  decodeControl,
  decodeRevocation,
  encodeMessage,
  Follower,
  type NodeMessage,
  openControl,
  type Revocations,
  type Target,
} from '@pharos/control';
import type { Service } from '@pharos/lifecycle';
import { type Logger, ThrottledLog } from '@pharos/telemetry';

import type { EdgeMetrics } from '../metrics.ts';
import { fits, sizeOf } from '../session/answer-size.ts';
import { ClientSession } from '../session/client-session.ts';
import { subscribeByServer } from '../session/server-subscribe.ts';
import { type Asked, answerTo } from './answers.ts';
import type { KnownEdges } from './known-edges.ts';

/** How often an edge says that it is there; whoever asks takes it for gone after three. */
const hereMs = 10_000;
const greetMs = 200;
/** What a word may wait for the log; later nobody listens any more. */
const wordMs = 3_000;
/** A question that is older has its answer, or nobody waits for one. */
const questionMs = 30_000;
/** Answers on their way at the same time. */
const maxAnswers = 64;
const failureLogMs = 10_000;

export interface EdgeControlOptions {
  readonly config: ControlConfig;
  readonly bus: Bus;
  readonly asked: Asked;
  readonly revocations: Revocations;
  /** The session of that digest, where this edge has it. */
  readonly emulated: (digest: string) => ClientSession | undefined;
  readonly edges: KnownEdges;
  /** By which the others know sessions of this edge. */
  readonly sessionKey: Buffer;
  readonly logger: Logger;
  readonly metrics: EdgeMetrics;
}

/** Carries out what the server API commands of connections, answers what it asks, and learns which tokens hold no more. */
export class EdgeControl implements Service {
  readonly #options: EdgeControlOptions;
  readonly #failures: ThrottledLog;
  readonly #followers: Follower[] = [];
  readonly #stopping = new AbortController();
  #logs: ControlLogs | undefined;
  #here: NodeJS.Timeout | undefined;
  #greeting: NodeJS.Timeout | undefined;
  #answers = 0;
  #isGone = false;
  #lastFailure: unknown;

  constructor(options: EdgeControlOptions) {
    this.#options = options;
    this.#failures = new ThrottledLog(failureLogMs, (times) =>
      options.logger.warn(
        { err: this.#lastFailure, times },
        'this edge could not say that it is there, or answer; the last one so',
      ),
    );
  }

  /** Resolves once every revocation is known, and no command can be missed; or it is stopped. @throws BusError what waiting doesn't help */
  async run(): Promise<void> {
    const { bus, config, logger, metrics } = this.#options;
    const logs = await openControl(bus, config, { logger, signal: this.#stopping.signal });
    if (logs === undefined) return;
    this.#logs = logs;
    const onLost = (): void => {
      metrics.control.inc({ command: 'lost' });
      logger.error(
        'commands to connections were lost before this edge could read them (retention too short, or it was away for too long)',
      );
    };
    const revocations = new Follower({
      log: logs.revocations,
      start: { at: 'earliest' },
      logger,
      message: (data) => this.#revoke(data),
      // They held no more: the topic keeps them for as long as they do.
      onLost: () => undefined,
    });
    const commands = new Follower({
      log: logs.commands,
      start: { at: 'head' },
      logger,
      message: (data, timeMs) => this.#message(data, timeMs),
      onLost,
    });
    this.#followers.push(revocations, commands);
    await Promise.all([revocations.run(), commands.run()]);
    if (this.#stopping.signal.aborted) return;
    this.#options.edges.learn();
    this.#sayHere();
    this.#here = setInterval(() => this.#sayHere(), hereMs);
    this.#here.unref();
  }

  async drain(): Promise<void> {
    this.#isGone = true;
    clearInterval(this.#here);
    clearTimeout(this.#greeting);
    if (this.#logs === undefined) return;
    const { node } = this.#options.asked;
    await Promise.all([this.#append({ say: 'gone', node }), this.#tellEdges(false)]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#here);
    clearTimeout(this.#greeting);
    this.#failures.stop();
    await Promise.all(this.#followers.map((follower) => follower.stop()));
  }

  #message(data: Buffer, timeMs: number): void {
    const message = decodeControl(data);
    if (message === undefined) {
      this.#options.metrics.control.inc({ command: 'unknown' });
      return;
    }
    this.#options.metrics.control.inc({ command: message.do });
    if (message.do === 'edge') return this.#heard(message);
    if (message.do !== 'ask') return this.#command(message);
    if (Date.now() - timeMs > questionMs || this.#answers >= maxAnswers) return;
    const { asked } = this.#options;
    this.#say({ say: 'answer', node: asked.node, id: message.id, ...answerTo(message, asked) });
  }

  #heard({ node, here, key }: EdgeWord): void {
    const { edges, asked } = this.#options;
    const isNews = edges.heard(node, here, Buffer.from(key, 'base64url'));
    // It would be taken for one that is back.
    if (this.#isGone) return;
    // Who has just come knows nobody; all who were there greet it, together with others that come in this moment.
    if (isNews && node !== asked.node) this.#greeting ??= setTimeout(() => this.#greet(), greetMs);
  }

  #greet(): void {
    this.#greeting = undefined;
    void this.#tellEdges(true);
  }

  #command(command: ConnectionCommand): void {
    for (const session of this.#sessions(command.target)) this.#carryOut(command, session);
  }

  #sessions({ user, client, session: digest }: Target): ClientSession[] {
    const { connections, sessions } = this.#options.asked;
    if (digest !== '') {
      const session = this.#options.emulated(digest);
      const isMeant = (user === '' || session?.user === user) && (client === '' || session?.id === client);
      return session !== undefined && isMeant ? [session] : [];
    }
    if (user !== '') return connections.ofUser(user).filter(({ id }) => client === '' || id === client);
    const found: ClientSession[] = [];
    for (const session of sessions) if (session instanceof ClientSession && session.id === client) found.push(session);
    return found;
  }

  #carryOut(command: ConnectionCommand, session: ClientSession): void {
    switch (command.do) {
      case 'disconnect': {
        const { code, reason, whitelist } = command;
        if (!whitelist.includes(session.id)) session.disconnect({ ...disconnectCodes.forceDisconnect, code, reason });
        return;
      }
      case 'unsubscribe':
        return session.unsubscribed(command.channel, unsubscribeCodes.server);
      case 'subscribe': {
        const { channel, info, data, expireAt, since, override } = command;
        const grant = {
          override,
          ...(info === '' ? {} : { info: embeddable(info) }),
          ...(data === '' ? {} : { data: embeddable(data) }),
          ...(expireAt === 0 ? {} : { expireAt }),
        };
        // What was asked for before the client was let in is not for it yet.
        if (!session.fresh) void subscribeByServer(session, channel, grant, since);
        return;
      }
      case 'refresh': {
        const { expired, expireAt, info } = command;
        if (expired) return session.disconnect(disconnectCodes.connectionExpired);
        const shown = info === '' ? undefined : embeddable(info);
        const isTooMuch = !fits(session, 'info of a connection', sizeOf(shown));
        session.refreshed(expireAt === 0 ? undefined : expireAt, isTooMuch ? undefined : shown);
        return;
      }
    }
  }

  #revoke(data: Buffer): void {
    const revocation = decodeRevocation(data);
    if (revocation === undefined) return;
    const { revocations, asked, metrics } = this.#options;
    revocations.add(revocation);
    metrics.control.inc({ command: 'revoke' });
    const concerned = revocation.user === '' ? asked.sessions : asked.connections.ofUser(revocation.user);
    for (const session of [...concerned]) {
      if (session instanceof ClientSession && session.token !== undefined && revocations.isRevoked(session.token)) {
        session.disconnect(disconnectCodes.invalidToken);
      }
    }
  }

  /** To those who ask, and to the other edges, which don't read what answers lie among. */
  #sayHere(): void {
    this.#say({ say: 'here', node: this.#options.asked.node });
    void this.#tellEdges(true);
  }

  async #tellEdges(here: boolean): Promise<void> {
    const { asked, sessionKey } = this.#options;
    const { node } = asked;
    const word = encodeMessage({ do: 'edge', node, here, key: sessionKey.toString('base64url') });
    await this.#put(this.#logs?.commands, node, word);
  }

  #say(message: NodeMessage): void {
    this.#answers++;
    void this.#append(message).finally(() => this.#answers--);
  }

  async #append(message: NodeMessage): Promise<void> {
    await this.#put(this.#logs?.nodes, message.node, encodeMessage(message));
  }

  async #put(log: LivingLog | undefined, channel: string, data: Buffer): Promise<void> {
    try {
      await log?.append({ channel, data }, wordMs);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      this.#lastFailure = error;
      this.#failures.note();
    }
  }
}

/** As it can stand in a frame: JSON is sent as it was written, and may have been written over several lines. */
function embeddable(json: string): RawData {
  return classifyPayload(Buffer.from(json)).json;
}

import type { Bus } from '@pharos/bus';
import {
  type ConnectionCommand,
  type ControlConfig,
  type ControlLogs,
  decodeRevocation,
  encodeMessage,
  Follower,
  maxRevocations,
  openControl,
  type Question,
  type Revocation,
  Revocations,
} from '@pharos/control';
import { errorCodes } from '@pharos/client-protocol';
import type { Service } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

import { ApiError } from '../api-error.ts';
import { type Answers, NodeSurvey } from './node-survey.ts';

export interface ControlPlaneOptions {
  readonly config: ControlConfig;
  readonly bus: Bus;
  readonly logger: Logger;
  readonly publishTimeoutMs: number;
  readonly surveyTimeoutMs: number;
}

/** The API's end of the control topics. */
export class ControlPlane implements Service {
  readonly #options: ControlPlaneOptions;
  readonly #stopping = new AbortController();
  readonly #revocations = new Revocations();
  #logs: ControlLogs | undefined;
  #survey: NodeSurvey | undefined;
  #follower: Follower | undefined;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
  }

  get revocationTtlMs(): number {
    return this.#options.config.revocation_ttl;
  }

  async run(): Promise<void> {
    const { bus, config, logger, surveyTimeoutMs } = this.#options;
    const logs = await openControl(bus, config, { logger, signal: this.#stopping.signal });
    if (logs === undefined) return;
    this.#logs = logs;
    this.#survey = new NodeSurvey(logs, surveyTimeoutMs, logger);
    this.#follower = new Follower({
      log: logs.revocations,
      start: { at: 'earliest' },
      logger,
      message: (data) => {
        const revocation = decodeRevocation(data);
        if (revocation !== undefined) this.#revocations.add(revocation);
      },
      onLost: () => undefined,
    });
    await Promise.all([this.#survey.run(), this.#follower.run()]);
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#survey?.stop(), this.#follower?.stop()]);
  }

  /** Resolves when it is where every edge reads it. @throws BusError */
  async command(command: ConnectionCommand): Promise<void> {
    const { user, client, session } = command.target;
    await this.#open.commands.append(
      { channel: user || client || session, data: encodeMessage(command) },
      this.#options.publishTimeoutMs,
    );
  }

  /** The same; edges that start later know it too. @throws BusError, ApiError */
  async revoke(revocation: Revocation): Promise<void> {
    if (this.#revocations.size >= maxRevocations)
      throw new ApiError(errorCodes.limitExceeded, 'too many tokens are revoked already');
    const channel = revocation.user === '' ? revocation.tokenId : revocation.user;
    await this.#open.revocations.append({ channel, data: encodeMessage(revocation) }, this.#options.publishTimeoutMs);
  }

  /** @throws BusError, ApiError */
  async ask(question: Omit<Question, 'do' | 'id'>): Promise<Answers> {
    const answers = await this.#survey?.ask(question);
    if (answers === undefined) throw new ApiError(errorCodes.tooManyRequests, 'too many ask already');
    return answers;
  }

  get #open(): ControlLogs {
    if (this.#logs === undefined) throw new TypeError('the control topics are not open');
    return this.#logs;
  }
}

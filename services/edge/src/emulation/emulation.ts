import { type Bus, BusError } from '@pharos/bus';
import { disconnectCodes, type EmulationRequest } from '@pharos/client-protocol';
import { type ControlConfig, Inbox, openInbox } from '@pharos/control';
import { DeadlineExceeded, type Service } from '@pharos/lifecycle';
import { type Logger, ThrottledLog } from '@pharos/telemetry';

import type { KnownEdges } from '../control/known-edges.ts';
import type { EdgeMetrics } from '../metrics.ts';
import { EmulatedSessions } from './emulated-sessions.ts';
import { isSecret, isSignedBy } from './session-secret.ts';

/** How long another edge has to say that it took commands. SDKs give a command up after 5 s. */
const handMs = 3_000;
/** Requests that wait for other edges' words. */
const maxHanding = 2_000;
/** What these hold together; each holds more than its data. */
const maxHandingBytes = 16 * 1024 * 1024;
const requestBytes = 1_024;
const maxNodeLength = 255;
const failureLogMs = 10_000;

/**
 * What came of commands: a session has them; there is no such session, or there can't be, because its edge didn't sign it; no such edge; it is not
 * known whether they were taken; they can't be handed on now.
 */
export type Carried = 'taken' | 'handed' | 'no_session' | 'forged' | 'no_edge' | 'unknown' | 'unavailable' | 'busy';

export interface EmulationOptions {
  /** This boot of this edge. */
  readonly node: string;
  readonly bus: Bus;
  readonly config: ControlConfig;
  readonly edges: KnownEdges;
  readonly logger: Logger;
  readonly metrics: EdgeMetrics;
}

/** Brings what clients post to their sessions, on whichever edge they are: in the order in which it comes. */
export class Emulation implements Service {
  readonly sessions: EmulatedSessions = new EmulatedSessions();
  readonly #options: EmulationOptions;
  readonly #failures: ThrottledLog;
  readonly #stopping = new AbortController();
  #lastFailure: unknown;
  #inbox: Inbox | undefined;
  #handing = 0;
  #handingBytes = 0;

  constructor(options: EmulationOptions) {
    this.#options = options;
    this.#failures = new ThrottledLog(failureLogMs, (times) =>
      options.logger.warn(
        { err: this.#lastFailure, times },
        'commands of clients could not be handed to another edge, or its word back; the last one so',
      ),
    );
  }

  /** Resolves once no other edge's word can be missed, or it is stopped. @throws BusError what waiting doesn't help */
  async run(): Promise<void> {
    const { bus, config, node, logger, metrics } = this.#options;
    const { signal } = this.#stopping;
    const log = await openInbox(bus, config, { logger, signal });
    if (log === undefined || signal.aborted) return;
    this.#inbox = new Inbox({
      log,
      node,
      logger,
      commands: (session, data) => {
        metrics.control.inc({ command: 'commands' });
        return this.#take(session, data);
      },
      onLost: () => metrics.control.inc({ command: 'lost' }),
      onUntold: (error) => this.#failed(error),
    });
    await this.#inbox.run();
  }

  async drain(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#failures.stop();
    this.#options.edges.stop();
    await this.#inbox?.stop();
  }

  async carry(request: EmulationRequest): Promise<Carried> {
    const { node, session, data } = request;
    if (node === this.#options.node) return this.#take(session, data) ? 'taken' : 'no_session';
    if (this.#inbox === undefined) return 'unavailable';
    if (node === '' || node.length > maxNodeLength) return 'no_edge';
    // Whoever asks shows nothing but this: what can be none is no other edge's business.
    if (!isSecret(session)) return 'no_session';
    const bytes = data.length + requestBytes;
    if (this.#handing >= maxHanding || this.#handingBytes + bytes > maxHandingBytes) return 'busy';
    this.#handing++;
    this.#handingBytes += bytes;
    try {
      return await this.#hand(this.#inbox, request);
    } catch (error) {
      if (error instanceof DeadlineExceeded) return 'unknown';
      if (!(error instanceof BusError)) throw error;
      this.#failed(error);
      return error.code === 'outcome-unknown' ? 'unknown' : 'unavailable';
    } finally {
      this.#handing--;
      this.#handingBytes -= bytes;
    }
  }

  /** @throws BusError, DeadlineExceeded */
  async #hand(inbox: Inbox, { node, session, data }: EmulationRequest): Promise<Carried> {
    const { edges } = this.#options;
    const startedMs = performance.now();
    const edge = edges.get(node) ?? (await edges.find(node, handMs));
    if (edge === undefined) return 'no_edge';
    // An edge of an older version signs none, and looks for itself.
    if (edge.key.length > 0 && !isSignedBy(edge.key, session)) return 'forged';
    const leftMs = Math.max(1, handMs - (performance.now() - startedMs));
    return (await inbox.hand(node, session, data, leftMs)) ? 'handed' : 'no_session';
  }

  #take(secret: string, data: Buffer): boolean {
    const session = this.sessions.get(secret);
    if (session === undefined) return false;
    try {
      session.message(data, session.codec.binary);
    } catch (error) {
      // As a socket server does it: one client's failure ends that client, here also where it comes by the inbox.
      this.#options.logger.error({ err: error, client: session.id }, 'commands of a client failed unexpectedly');
      session.disconnect(disconnectCodes.serverError);
    }
    return true;
  }

  #failed(error: unknown): void {
    this.#lastFailure = error;
    this.#failures.note();
  }
}

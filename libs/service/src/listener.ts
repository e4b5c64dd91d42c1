import { describeError } from '@pharos/errors';
import {
  type CompressionOptions,
  createSocketServer,
  type CreateSocketServerOptions,
  type SocketServer,
  TrustedProxies,
} from '@pharos/socket-server';
import type { Logger } from '@pharos/telemetry';

import type { ProcessMetrics } from './process-metrics.ts';
import type { Prepared, Reloadable } from './reload.ts';
import type { SocketConfig } from './socket-config.ts';

/** Makes the server of a listener, not listening yet. */
export type CreateServer = (options: CreateSocketServerOptions) => Promise<SocketServer>;

export interface ListenerOptions {
  readonly config: SocketConfig;
  /** @default createSocketServer */
  readonly createServer?: CreateServer | undefined;
  readonly compression?: CompressionOptions | undefined;
  readonly logger: Logger;
  readonly metrics: ProcessMetrics;
  /** Milliseconds since 1970; injected in tests. @default Date.now */
  readonly now?: () => number;
}

const dayMs = 24 * 60 * 60_000;
const warnBeforeMs = 14 * dayMs;
/** A process may have run for months when its certificate comes to its end: what it said at its start nobody sees any more. */
const warnAgainMs = dayMs;

/** A socket server as it is configured, whose certificate is looked after. Whoever made it stops both. */
export class Listener implements Reloadable<SocketConfig> {
  readonly reloads: readonly string[] = ['trusted_proxies'];
  readonly server: SocketServer;
  readonly #proxies: TrustedProxies;
  readonly #options: ListenerOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #warnedMs = Number.NEGATIVE_INFINITY;
  /** The failure that was told last: the same is told once. */
  #failure = '';

  private constructor(server: SocketServer, proxies: TrustedProxies, options: ListenerOptions) {
    this.server = server;
    this.#proxies = proxies;
    this.#options = options;
  }

  /** @throws SocketServerError, `invalid-certificate` among them */
  static async create(options: ListenerOptions): Promise<Listener> {
    const { config, compression, logger, createServer = createSocketServer } = options;
    const { cert_file: certFile, key_file: keyFile } = config.tls;
    const trustedProxies = new TrustedProxies(config.trusted_proxies);
    const server = await createServer({
      implementation: config.socket,
      trustedProxies,
      ...(compression === undefined ? {} : { compression }),
      ...(certFile === undefined || keyFile === undefined ? {} : { tls: { certFile, keyFile } }),
      onWarning: (text) => logger.warn(text),
      onError: (error, context) => logger.error({ err: error }, context),
    });
    return new Listener(server, trustedProxies, options);
  }

  /** Looks after the certificate from now on. */
  run(): void {
    if (this.server.certificate === undefined) return;
    this.#tellOf('TLS with');
    this.#timer = setInterval(() => void this.lookAtCertificate(), this.#options.config.tls.check_interval);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  prepareReload({ trusted_proxies: networks }: SocketConfig): Promise<Prepared> {
    const take = (): void => {
      this.#proxies.replace(networks);
      void this.lookAtCertificate();
    };
    return Promise.resolve({ take });
  }

  /** Takes the certificate from its files where they have changed; what can't be used is told, and the old one stays. Never rejects. */
  lookAtCertificate(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { logger, metrics } = this.#options;
    try {
      if (await this.server.reloadCertificate()) {
        metrics.certificateReloads.inc({ outcome: 'applied' });
        this.#tellOf('new connections get');
      }
      this.#failure = '';
    } catch (error) {
      const failure = describeError(error);
      if (failure === this.#failure) return;
      this.#failure = failure;
      metrics.certificateReloads.inc({ outcome: 'refused' });
      logger.error({ err: error }, `the certificate can not be reloaded, the old one stays in use: ${failure}`);
    } finally {
      this.#warnOfExpiry();
    }
  }

  #tellOf(what: string): void {
    const { certificate } = this.server;
    if (certificate === undefined) return;
    const { logger, metrics } = this.#options;
    const { subject, expiresMs } = certificate;
    metrics.certificateExpiry.set(Math.round(expiresMs / 1000));
    const expires = new Date(expiresMs).toISOString();
    logger.info({ subject, expires }, `${what} the certificate of ${subject}`);
    // Of another one nobody was warned yet.
    this.#warnedMs = Number.NEGATIVE_INFINITY;
    this.#warnOfExpiry();
  }

  /** Once a day. */
  #warnOfExpiry(): void {
    const { certificate } = this.server;
    const { logger, now = Date.now } = this.#options;
    if (certificate === undefined || certificate.expiresMs - now() >= warnBeforeMs) return;
    if (now() - this.#warnedMs < warnAgainMs) return;
    this.#warnedMs = now();
    const { subject, expiresMs } = certificate;
    const expires = new Date(expiresMs).toISOString();
    if (expiresMs > now()) logger.warn({ subject, expires }, `the certificate of ${subject} expires soon: ${expires}`);
    else logger.error({ subject, expires }, `the certificate of ${subject} has expired: ${expires}`);
  }
}

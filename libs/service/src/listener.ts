import { describeError } from '@pharos/errors';
import { type CompressionOptions, createSocketServer, type SocketServer, TrustedProxies } from '@pharos/socket-server';
import type { Logger } from '@pharos/telemetry';

import type { ProcessMetrics } from './process-metrics.ts';
import type { Reloadable } from './reload.ts';
import type { SocketConfig } from './socket-config.ts';

export interface ListenerOptions {
  readonly config: SocketConfig;
  readonly compression?: CompressionOptions | undefined;
  readonly logger: Logger;
  readonly metrics: ProcessMetrics;
}

const warnBeforeMs = 14 * 24 * 60 * 60_000;

/** A socket server as it is configured, whose certificate is looked after. Whoever made it stops both. */
export class Listener implements Reloadable<SocketConfig> {
  readonly reloads: readonly string[] = ['trusted_proxies'];
  readonly server: SocketServer;
  readonly #proxies: TrustedProxies;
  readonly #options: ListenerOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  /** The failure that was told last: the same is told once. */
  #failure = '';

  private constructor(server: SocketServer, proxies: TrustedProxies, options: ListenerOptions) {
    this.server = server;
    this.#proxies = proxies;
    this.#options = options;
  }

  /** @throws SocketServerError, `invalid-certificate` among them */
  static async create(options: ListenerOptions): Promise<Listener> {
    const { config, compression, logger } = options;
    const { cert_file: certFile, key_file: keyFile } = config.tls;
    const trustedProxies = new TrustedProxies(config.trusted_proxies);
    const server = await createSocketServer({
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

  prepareReload({ trusted_proxies: networks }: SocketConfig): Promise<() => void> {
    return Promise.resolve(() => {
      this.#proxies.replace(networks);
      void this.lookAtCertificate();
    });
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
    if (expiresMs - Date.now() < warnBeforeMs)
      logger.warn({ subject, expires }, 'the certificate expires soon, or has');
  }
}

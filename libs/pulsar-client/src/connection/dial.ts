import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ClientCertificate } from '../auth/authentication.ts';
import { PulsarError } from '../errors.ts';
import type { ServiceAddress } from './service-url.ts';
import { explainTlsError, hintOnSilentClose, plainRemedy } from './tls-errors.ts';
import { readTlsOptions, type TlsSettings } from './tls-settings.ts';

export interface DialOptions {
  readonly address: ServiceAddress;
  readonly tls: TlsSettings;
  /** Of the credentials; it goes before the one of the settings. */
  readonly certificate: ClientCertificate | undefined;
  /** Calls it off, with its reason. */
  readonly signal: AbortSignal;
}

export interface Dialled {
  readonly socket: Socket;
  /** What an error of the socket means. */
  readonly explain: (cause: Error) => PulsarError;
  /** What may be wrong where it is closed before anything was said. */
  readonly hint: string;
}

/** A socket to the address; where that is secure, one whose other side has proved who it is. @throws PulsarError */
export async function dial(options: DialOptions): Promise<Dialled> {
  const { address, tls, signal } = options;
  const { host, port, url } = address;
  const explainLoss = (cause: Error | undefined): PulsarError => unreachable(url, cause);
  if (!address.secure) {
    const socket = connectTcp({ host, port, noDelay: true });
    await opened(socket, 'connect', signal, explainLoss);
    return { socket, explain: explainLoss, hint: hintOnSilentClose(address, false) };
  }
  const certificate = options.certificate ?? tls.certificate;
  const secured = await readTlsOptions(tls, certificate, host);
  signal.throwIfAborted();
  const socket = connectTls({ host, port, ...secured });
  socket.setNoDelay(true);
  let reached = false;
  socket.once('connect', () => (reached = true));
  const explainTls = (cause: Error): PulsarError | undefined =>
    explainTlsError(cause, url, tls, certificate !== undefined);
  await opened(socket, 'secureConnect', signal, (cause) => {
    const explained = cause && explainTls(cause);
    if (explained !== undefined) return explained;
    if (!reached) return unreachable(url, cause);
    const text = `${url} closed the connection while TLS was being set up; ${plainRemedy}`;
    return new PulsarError('ConnectError', text, cause === undefined ? {} : { cause });
  });
  // What the broker thinks of the client's certificate comes after TLS is set up.
  const explain = (cause: Error): PulsarError => explainTls(cause) ?? unreachable(url, cause);
  return { socket, explain, hint: hintOnSilentClose(address, certificate !== undefined) };
}

function opened(
  socket: Socket,
  ready: 'connect' | 'secureConnect',
  signal: AbortSignal,
  explain: (cause: Error | undefined) => PulsarError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      signal.removeEventListener('abort', aborted);
      socket.off(ready, done).off('close', closed);
      finish();
    };
    const failed = (error: Error): void =>
      settle(() => {
        socket.destroy();
        reject(error);
      });
    const done = (): void => settle(resolve);
    const closed = (): void => failed(explain(undefined));
    const aborted = (): void => failed(signal.reason as Error);
    socket.once(ready, done).once('close', closed);
    // Stays until the end: whoever takes the socket over has its own as well, and one that comes between must not go unheard.
    socket.on('error', (cause) => failed(explain(cause)));
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
  });
}

function unreachable(url: string, cause: Error | undefined): PulsarError {
  return new PulsarError('ConnectError', `connection to ${url} failed`, cause === undefined ? {} : { cause });
}

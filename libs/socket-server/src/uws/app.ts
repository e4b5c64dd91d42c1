import type { TemplatedApp, us_listen_socket } from 'uWebSockets.js';
import { type Certificate, isSameCertificate, readCertificate } from '../common/certificate.ts';
import { SocketServerError } from '../errors.ts';
import type { CertificateFiles } from '../port.ts';
import type { UwsModule } from './load.ts';

/** Files that change while they are read: once more, and no more often than this. */
const MAX_READS = 3;

/**
 * One app of the library. With TLS there is one for each certificate, since the library can't give one another: the next
 * takes over the port, and those before it live as long as their connections.
 */
export class UwsApp {
  readonly native: TemplatedApp;
  readonly certificate: Certificate | undefined;
  /** WebSocket connections that the library still has. */
  sockets = 0;
  /** Responses that are not over. */
  responses = 0;
  readonly #uws: UwsModule;
  #listenSocket: us_listen_socket | undefined;

  private constructor(uws: UwsModule, native: TemplatedApp, certificate: Certificate | undefined) {
    this.#uws = uws;
    this.native = native;
    this.certificate = certificate;
  }

  /** @throws SocketServerError `invalid-certificate` */
  static create(uws: UwsModule, files: CertificateFiles | undefined): UwsApp {
    if (files === undefined) return new UwsApp(uws, uws.App(), undefined);
    // The library reads the files itself: what it has is known once they are the same before and after.
    let certificate = readCertificate(files);
    for (let reads = 0; reads < MAX_READS; reads++) {
      const native = sslApp(uws, files);
      const now = readCertificate(files);
      if (isSameCertificate(now, certificate)) return new UwsApp(uws, native, certificate);
      certificate = now;
    }
    throw new SocketServerError('invalid-certificate', `${files.certFile} and ${files.keyFile} don't stay the same`);
  }

  /** Nothing is left of it that would have to be stopped. */
  get isEmpty(): boolean {
    return this.sockets === 0 && this.responses === 0 && !this.isListening;
  }

  get isListening(): boolean {
    return this.#listenSocket !== undefined;
  }

  /** @param options of the library, for the port; returns the port, or `undefined` where it can't be listened on */
  listen(address: string, port: number, options: number): number | undefined {
    // The library calls back before `listen` returns.
    const bound: (us_listen_socket | false)[] = [];
    // The types leave out the overload of host, port, options, callback, which the library has.
    const listen = this.native.listen.bind(this.native) as unknown as ListenWithOptions;
    listen(address, port, options, (taken) => bound.push(taken));
    const [socket = false] = bound;
    if (socket === false) return undefined;
    this.#listenSocket = socket;
    return this.#uws.us_socket_local_port(socket);
  }

  pauseAccepting(): void {
    if (this.#listenSocket === undefined) return;
    this.#uws.us_listen_socket_close(this.#listenSocket);
    this.#listenSocket = undefined;
  }
}

type ListenWithOptions = (
  host: string,
  port: number,
  options: number,
  callback: (socket: us_listen_socket | false) => unknown,
) => void;

function sslApp(uws: UwsModule, { certFile, keyFile }: CertificateFiles): TemplatedApp {
  try {
    // It takes TLS 1.2 and newer only; a test holds that.
    return uws.SSLApp({ cert_file_name: certFile, key_file_name: keyFile, ssl_prefer_low_memory_usage: true });
  } catch (cause) {
    throw new SocketServerError('invalid-certificate', `uWebSockets.js does not take ${certFile} with ${keyFile}`, {
      cause,
    });
  }
}

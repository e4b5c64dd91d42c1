import { describeError } from '@pharos/errors';
import { SocketServerError } from './errors.ts';
import type { SocketServer, SocketServerOptions } from './port.ts';
import { loadUws, type UwsModule } from './uws/load.ts';
import { UwsServer } from './uws/server.ts';
import { WsServer } from './ws/server.ts';

export interface CreateSocketServerOptions extends SocketServerOptions {
  /**
   * `uws` is the one to run; `ws` works wherever Node.js does and costs several times the memory and CPU; `auto` takes
   * `uws`, or `ws` with a warning where `uws` cannot be loaded.
   */
  readonly implementation: 'uws' | 'ws' | 'auto';
  /** Told, in a sentence for the operator, that `auto` fell back and why. */
  readonly onWarning: (message: string) => void;
}

/**
 * Makes a socket server of the implementation asked for.
 *
 * @throws SocketServerError `uws-unavailable`, `unsupported-option`
 */
export function createSocketServer(options: CreateSocketServerOptions): Promise<SocketServer> {
  return createSocketServerWith(loadUws, options);
}

/** As {@link createSocketServer}, the addon loaded by `load`: for tests on machines where it does load. */
export async function createSocketServerWith(
  load: () => Promise<UwsModule>,
  options: CreateSocketServerOptions,
): Promise<SocketServer> {
  if (options.implementation === 'ws') return new WsServer(options);
  let uws: UwsModule;
  try {
    uws = await load();
  } catch (cause) {
    if (options.implementation === 'uws') {
      throw new SocketServerError('uws-unavailable', 'uWebSockets.js could not be loaded', { cause });
    }
    options.onWarning(fallbackWarning(cause));
    return new WsServer(options);
  }
  return new UwsServer(uws, options);
}

function fallbackWarning(cause: unknown): string {
  return (
    "uWebSockets.js could not be loaded, so the slower 'ws' server is used: expect several times the memory and CPU " +
    'for each connection. The addon needs glibc (2.38 or newer for Node.js 22 and later) on Linux, macOS or Windows. ' +
    `Choose 'ws' explicitly to accept this without a warning. The reason: ${describeError(cause)}`
  );
}

import type * as Uws from 'uWebSockets.js';
import { MAX_HEAD_BYTES } from '../common/head.ts';

/** What the adapter uses of uWebSockets.js. */
export interface UwsModule {
  readonly App: typeof Uws.App;
  readonly SSLApp: typeof Uws.SSLApp;
  readonly DISABLED: Uws.CompressOptions;
  readonly SHARED_COMPRESSOR: Uws.CompressOptions;
  readonly SHARED_DECOMPRESSOR: Uws.CompressOptions;
  /** An export of its own in fact, a member of an enum in the library's types. */
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  readonly us_listen_socket_close: typeof Uws.us_listen_socket_close;
  readonly us_socket_local_port: typeof Uws.us_socket_local_port;
}

/** Loads the native addon; rejects where there is none for this system, its C library or this Node.js. */
export async function loadUws(): Promise<UwsModule> {
  // Read by the addon as it loads, and by it alone; else it is 4 KiB from that for Node.js 24 on, and cookies alone may be longer.
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(MAX_HEAD_BYTES);
  // CommonJS behind a default export, as its types don't tell; the official releases have named exports beside it.
  const loaded = (await import('uWebSockets.js')) as unknown as { readonly default: UwsModule };
  return loaded.default;
}

import { type Codec, reconnectsAfter } from '@pharos/client-protocol';

/** The end of a connection as a message, for connections that have no close codes. */
export function disconnectMessage(codec: Codec, code: number, reason: string): Buffer {
  return codec.encodePush({ kind: 'disconnect', disconnect: { code, reason, reconnect: reconnectsAfter(code) } });
}

import { bytes, certificateWithKey, duration, type ListenAddress, listenAddress, z } from '@pharos/config';
import { type CompressionOptions, isNetwork } from '@pharos/socket-server';

/** The listener that clients or applications use. */
export interface SocketConfig {
  readonly listen: ListenAddress;
  readonly socket: 'auto' | 'uws' | 'ws';
  readonly trusted_proxies: readonly string[];
  readonly tls: ServerTlsConfig;
}

/** TLS of the listener; without files it is off. */
export interface ServerTlsConfig {
  readonly cert_file?: string | undefined;
  readonly key_file?: string | undefined;
  readonly check_interval: number;
}

/** The fields of {@link SocketConfig}. @param what who connects there, for the description */
export function socketFields(
  listen: ListenAddress,
  what: string,
): Readonly<Record<'listen' | 'socket' | 'trusted_proxies' | 'tls', z.ZodType>> {
  return {
    listen: listenAddress().default(listen).describe(what),
    socket: z
      .enum(['auto', 'uws', 'ws'])
      .default('auto')
      .describe('Socket server: auto takes uws where its addon loads, else ws.'),
    trusted_proxies: z
      .array(z.string().refine(isNetwork, 'expected addresses and networks such as 10.0.0.0/8 or fd00::/8'))
      .default([])
      .describe(
        'Addresses and networks of proxies and load balancers whose header X-Forwarded-For is believed, for limits of addresses and the log. Default: the header is ignored.',
      ),
    tls: serverTlsSection(),
  };
}

function serverTlsSection(): z.ZodType {
  return z
    .strictObject({
      cert_file: z
        .string()
        .min(1)
        .optional()
        .describe('PEM file of the certificate and those that lead to its CA: the listener speaks TLS, 1.2 or newer.'),
      key_file: z
        .string()
        .min(1)
        .optional()
        .describe("PEM file of the certificate's private key, without a passphrase."),
      check_interval: duration({ minMs: 100, maxMs: 86_400_000 })
        .default(10_000)
        .describe('How often it is looked whether the files have changed; new connections get what is in them then.'),
    })
    .superRefine(certificateWithKey);
}

/** Compression of messages to and from WebSocket clients. */
export interface CompressionConfig {
  readonly compression: boolean;
  readonly compression_min_size: number;
}

export function compressionFields(): Readonly<Record<keyof CompressionConfig, z.ZodType>> {
  return {
    compression: z
      .boolean()
      .default(false)
      .describe(
        'Compresses messages for clients that offer it (permessage-deflate): less traffic for CPU. The limits of sizes count inflated bytes.',
      ),
    compression_min_size: bytes({ minBytes: 1, maxBytes: 64 * 1024 * 1024 })
      .default(1024)
      .describe('Shorter messages are sent as they are.'),
  };
}

/** What the socket server is told; undefined: it compresses nothing. */
export function compressionOf(config: CompressionConfig): CompressionOptions | undefined {
  return config.compression ? { minBytes: config.compression_min_size } : undefined;
}

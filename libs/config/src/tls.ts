import { z } from 'zod';

/** How the connections to a server are secured, where its URL asks for TLS. */
export interface TlsConfig {
  readonly ca_file?: string | undefined;
  readonly cert_file?: string | undefined;
  readonly key_file?: string | undefined;
  readonly validate_hostname: boolean;
  readonly allow_insecure: boolean;
}

/** @param server whose certificates are checked, for the descriptions */
export function tlsSection(server: string): z.ZodType {
  const file = (what: string): z.ZodType => z.string().min(1).optional().describe(what);
  return z
    .strictObject({
      ca_file: file(
        `PEM file of the CAs that may sign the certificates of ${server}. Default: those that Node.js trusts.`,
      ),
      cert_file: file('PEM file of a client certificate. All files are read again for each new connection.'),
      key_file: file("PEM file of the client certificate's private key."),
      validate_hostname: z
        .boolean()
        .default(true)
        .describe(`Whether the certificates of ${server} must be for the host names in use.`),
      allow_insecure: z
        .boolean()
        .default(false)
        .describe('Takes any certificate: for trials only, since anybody could listen.'),
    })
    .superRefine(certificateWithKey);
}

/** A refinement: the files of a certificate and of its private key come together, or not at all. */
export function certificateWithKey(
  { cert_file: cert, key_file: key }: { readonly cert_file?: unknown; readonly key_file?: unknown },
  context: z.RefinementCtx,
): void {
  if ((cert === undefined) === (key === undefined)) return;
  const missing = cert === undefined ? 'cert_file' : 'key_file';
  context.addIssue({
    code: 'custom',
    path: [missing],
    message: 'expected both cert_file and key_file, or neither',
  });
}

import { z } from 'zod';
import { secret } from './kinds.ts';
import { type TlsConfig, tlsSection } from './tls.ts';

/** How to be let in by a Pulsar: what every service that connects to one has in its section `pulsar`, beside the URLs. */
export interface PulsarAccessConfig {
  readonly tls: TlsConfig;
  readonly auth: {
    readonly token?: string | undefined;
    readonly token_file?: string | undefined;
    readonly username?: string | undefined;
    readonly password?: string | undefined;
  };
}

/** The sections of {@link PulsarAccessConfig}. */
export function pulsarAccessFields(): { readonly tls: z.ZodType; readonly auth: z.ZodType } {
  return { tls: tlsSection('Pulsar'), auth: authSection() };
}

function authSection(): z.ZodType {
  return z
    .strictObject({
      token: secret().optional().describe('A token for Pulsar; one that expires belongs into a file.'),
      token_file: z
        .string()
        .min(1)
        .optional()
        .describe('A file with a token, read again for each new connection and whenever Pulsar asks for a fresh one.'),
      username: z
        .string()
        .regex(/^[^:]+$/)
        .optional()
        .describe('A user name for Pulsar (basic authentication), without a colon.'),
      password: secret().optional().describe("The user's password."),
    })
    .superRefine(({ token, token_file: file, username, password }, context) => {
      const refuse = (path: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [path], message: `expected ${message}` });
      if ((username === undefined) !== (password === undefined)) {
        refuse(username === undefined ? 'username' : 'password', 'both username and password, or neither');
      }
      const ways = [token, file, username].filter((way) => way !== undefined).length;
      if (ways > 1) refuse(token === undefined ? 'token_file' : 'token', 'one of token, token_file and username');
    });
}

/** The same by the names that the Pulsar client has for them. */
export interface PulsarAccessTexts {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly validateHostname: boolean;
  readonly allowInsecure: boolean;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export function pulsarAccessTexts({ tls, auth }: PulsarAccessConfig): PulsarAccessTexts {
  return {
    caFile: tls.ca_file,
    certFile: tls.cert_file,
    keyFile: tls.key_file,
    validateHostname: tls.validate_hostname,
    allowInsecure: tls.allow_insecure,
    token: auth.token,
    tokenFile: auth.token_file,
    username: auth.username,
    password: auth.password,
  };
}

import type { PeerCertificate } from 'node:tls';
import { describeError } from '@pharos/errors';
import { PulsarError, type PulsarErrorCode } from '../errors.ts';
import type { ServiceAddress } from './service-url.ts';
import type { TlsSettings } from './tls-settings.ts';

/** What went wrong with TLS, in words that say what to do about it. */
interface Explanation {
  readonly code: PulsarErrorCode;
  readonly text: string;
  /** @default false: the same certificates are wrong in a moment too */
  readonly retryable?: boolean;
}

const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);

const notTls = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_HTTP_REQUEST']);

/** Alerts by which a server says that it doesn't like the client's certificate, or its lack. */
const refusedCertificate =
  /ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)/;

/** A failure of a TLS connection to `url` as a PulsarError; `undefined` where it has nothing to do with TLS. */
export function explainTlsError(
  error: Error,
  url: string,
  settings: TlsSettings,
  hasCertificate: boolean,
): PulsarError | undefined {
  const code = codeOf(error);
  const explanation = explain(code, error, settings, hasCertificate);
  if (explanation === undefined) return undefined;
  const { retryable = false } = explanation;
  return new PulsarError(explanation.code, `${url}: ${explanation.text}`, { cause: error, retryable });
}

/** OpenSSL's code. Where Node hands it on as an error of writing, only its text has it. */
function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  const reason = code === 'EPROTO' ? /SSL routines:[^:]*:([^:]+):/.exec(error.message)?.[1] : undefined;
  return reason === undefined ? (code ?? '') : `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
}

function explain(code: string, error: Error, settings: TlsSettings, hasCertificate: boolean): Explanation | undefined {
  const { trustCertsFilePath } = settings;
  if (untrusted.has(code)) {
    const trusted =
      trustCertsFilePath === undefined
        ? "signed by none of the CAs that Node.js trusts; set tlsTrustCertsFilePath to its CA's certificate"
        : `not signed by a CA in tlsTrustCertsFilePath '${trustCertsFilePath}'`;
    return { code: 'ConnectError', text: `the certificate of the broker is ${trusted}` };
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const when = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return {
      code: 'ConnectError',
      text: `the certificate of the broker (or its CA's) ${when}; it must be renewed, or a clock is wrong`,
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const remedy = 'use a host name that it is for, or set tlsValidateHostname to false';
    return { code: 'ConnectError', text: `the certificate of the broker is for ${namesIn(error)}; ${remedy}` };
  }
  if (refusedCertificate.test(code)) {
    const what = hasCertificate ? 'refuses the client certificate' : 'wants a client certificate';
    return { code: 'AuthenticationError', text: `the broker ${what}; ${certificateRemedy}` };
  }
  if (notTls.has(code)) return { code: 'ConnectError', text: `it does not speak TLS; ${plainRemedy}` };
  if (!code.startsWith('ERR_SSL_')) return undefined;
  const { reason } = error as { readonly reason?: string };
  const hint = code.includes('_ALERT_') && hasCertificate ? `; it may refuse the client certificate` : '';
  return { code: 'ConnectError', text: `TLS failed (${reason ?? describeError(error)})${hint}`, retryable: true };
}

/** What a certificate is for that isn't for the host that was meant. */
function namesIn(error: Error): string {
  const { cert, host } = error as { readonly cert?: Partial<PeerCertificate>; readonly host?: string };
  const names = cert?.subjectaltname ?? cert?.subject?.CN ?? 'another host';
  return `${names.toString()}, not for ${host ?? 'this host'}`;
}

export const tlsRemedy = 'use pulsar+ssl:// (TLS mostly has port 6651)';

/** What may be wrong where the other side hangs up without a word. */
export function hintOnSilentClose({ secure }: ServiceAddress, hasCertificate: boolean): string {
  if (!secure) return `; if it speaks TLS, ${tlsRemedy}`;
  const what = hasCertificate ? 'refuse the client certificate' : 'want a client certificate';
  return `; it may ${what}: ${certificateRemedy}`;
}

const certificateRemedy = 'set tlsCertificateFilePath and tlsPrivateKeyFilePath to one that it trusts';

export const plainRemedy = 'is this a plain port (pulsar://, mostly 6650; TLS mostly has 6651)?';

import {
  classifyPayload,
  type DisconnectCode,
  type ErrorCode,
  errorCodes,
  Fields,
  ProtocolError,
  type RawData,
} from '@pharos/client-protocol';
import type { StatusTransform } from './config.ts';
import { ProxyError } from './errors.ts';

/** What a backend decides; `result` is undefined where it said nothing of its own. */
export type Answer<Result> =
  | { readonly result: Result | undefined }
  | { readonly error: ErrorCode }
  | { readonly disconnect: DisconnectCode };

/** What applications may use as error codes and as close codes. */
const errorRange = { from: 400, to: 1_999 };
const disconnectRange = { from: 4_000, to: 4_999 };
const ownErrors = new Set(Object.values(errorCodes).map(({ code }) => code));

const maxMessageBytes = 1_024;
/** What a close frame holds. */
const maxReasonBytes = 123;
/** As long as anything is given for at most; what lasts longer is to be given without an end. */
const maxAgeSeconds = 365 * 24 * 3_600;

/**
 * Reads the body of an answer: `{"result": {…}}`, `{"error": {…}}` or `{"disconnect": {…}}`. Members that aren't known are passed over.
 * @throws ProxyError `invalid`
 */
export function readAnswer<Result>(body: Buffer, result: (fields: Fields) => Result): Answer<Result> {
  let values: unknown;
  try {
    values = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    // What the parser says quotes the body.
    throw invalid('expected JSON in UTF-8');
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) throw invalid('expected an object');
  try {
    const fields = Fields.of(values as Readonly<Record<string, unknown>>, body);
    const disconnect = fields.object('disconnect');
    if (disconnect !== undefined)
      return { disconnect: disconnectOf(disconnect.uint32('code'), disconnect.string('reason')) };
    const error = fields.object('error');
    if (error !== undefined)
      return { error: errorOf(error.uint32('code'), error.string('message'), error.boolean('temporary')) };
    const inner = fields.object('result');
    return { result: inner === undefined ? undefined : result(inner) };
  } catch (error) {
    if (error instanceof ProtocolError) throw invalid(error.message);
    throw error;
  }
}

/** What a status means, where that is configured. */
export function transformed(status: number, transforms: readonly StatusTransform[]): Answer<never> | undefined {
  const transform = transforms.find(({ status_code: code }) => code === status);
  if (transform?.to_error !== undefined) {
    const { code, message, temporary } = transform.to_error;
    return { error: errorOf(code, message, temporary) };
  }
  if (transform?.to_disconnect === undefined) return undefined;
  return { disconnect: disconnectOf(transform.to_disconnect.code, transform.to_disconnect.reason) };
}

function errorOf(code: number, message: string, temporary: boolean): ErrorCode {
  // Those of the protocol are allowed too: a backend that refuses may say "permission denied" as the server does.
  if (!isWithin(code, errorRange) && !ownErrors.has(code))
    throw invalid(`error.code: expected ${errorRange.from} to ${errorRange.to}, got ${code}`);
  if (Buffer.byteLength(message) > maxMessageBytes)
    throw invalid(`error.message: longer than ${maxMessageBytes} bytes`);
  return { code, message, temporary, description: "The application's." };
}

function disconnectOf(code: number, reason: string): DisconnectCode {
  if (!isWithin(code, disconnectRange))
    throw invalid(`disconnect.code: expected ${disconnectRange.from} to ${disconnectRange.to}, got ${code}`);
  if (Buffer.byteLength(reason) > maxReasonBytes)
    throw invalid(`disconnect.reason: longer than ${maxReasonBytes} bytes`);
  return { code, reason, reconnect: code < 4_500, description: "The application's." };
}

function isWithin(code: number, range: { readonly from: number; readonly to: number }): boolean {
  return code >= range.from && code <= range.to;
}

/** As it is, or from base64: bytes of any kind. Undefined where neither is there, or it is null. */
export function dataOf(fields: Fields, plain = 'data', base64 = 'b64data'): RawData | undefined {
  const text = fields.string(base64);
  if (text !== '') {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw invalid(`${base64}: expected base64`);
    return Buffer.from(text, 'base64');
  }
  return jsonOf(fields, plain);
}

/** The same for what others see: always JSON. */
export function infoOf(fields: Fields): RawData | undefined {
  const data = dataOf(fields, 'info', 'b64info');
  return data === undefined ? undefined : classifyPayload(Buffer.from(data)).json;
}

/** One JSON value without a raw line break; undefined where there is none, or null. */
export function jsonOf(fields: Fields, name: string): RawData | undefined {
  const raw = fields.raw(name);
  if (raw === undefined || Buffer.from(raw).toString('latin1') === 'null') return undefined;
  return classifyPayload(Buffer.from(raw)).json;
}

/** In seconds since 1970; undefined where it is 0 or not there: never. */
export function expireAtOf(fields: Fields): number | undefined {
  const value = fields.number('expire_at');
  if (value === undefined || value === 0) return undefined;
  if (value < 0 || !Number.isSafeInteger(Math.floor(value))) throw invalid('expire_at: expected seconds since 1970');
  return Math.min(Math.floor(value), Math.floor(Date.now() / 1_000) + maxAgeSeconds);
}

export function invalid(what: string): ProxyError {
  return new ProxyError('invalid', `the backend's answer is not as it must be: ${what}`);
}

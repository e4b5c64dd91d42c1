import { z } from 'zod';
import {
  formatBytes,
  formatDuration,
  type ListenAddress,
  parseBytes,
  parseDuration,
  parseListenAddress,
} from './units.ts';

/** What a helper below knows of its schema and zod doesn't. */
export interface KindInfo {
  readonly kind: 'duration' | 'bytes' | 'address' | 'url';
  /** Ends the sentence "expected …". */
  readonly expected: string;
}

// Keyed by schema object (weakly), like a field on it; copies that zod makes (`describe`, `refine`) inherit the entry.
const kinds = z.registry<KindInfo>();
const secrets = z.registry<{ secret: true }>();

export function kindOf(schema: z.core.$ZodType): KindInfo | undefined {
  return kinds.get(schema);
}

export function isMarkedSecret(schema: z.core.$ZodType): boolean {
  return secrets.get(schema)?.secret === true;
}

/** The schema of a value that is written as text: `parse` gives undefined where the text isn't one. */
function parsed<T>(
  kind: KindInfo['kind'],
  expected: string,
  parse: (input: string | number) => T | undefined,
): z.ZodType<T> {
  const schema = z.union([z.string(), z.number()]).transform((input, context): T => {
    const value = parse(input);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}`, input });
    return z.NEVER;
  });
  kinds.add(schema, { kind, expected });
  return schema;
}

export interface DurationLimits {
  /** @default 0 */
  readonly minMs?: number;
  /** @default no limit */
  readonly maxMs?: number;
}

/** A duration with its unit (`25s`, `500ms`, `1h30m`), in milliseconds once read. A bare number but 0 is refused: its unit would be a guess. */
export function duration(limits: DurationLimits = {}): z.ZodType<number> {
  const { minMs = 0, maxMs } = limits;
  const expected = `a duration such as 500ms, 25s or 1h30m${range(minMs, maxMs, formatDuration)}`;
  return parsed('duration', expected, (input) => within(parseDuration(String(input)), minMs, maxMs));
}

export interface BytesLimits {
  /** @default 0 */
  readonly minBytes?: number;
  /** @default no limit */
  readonly maxBytes?: number;
}

/** A size (`64KiB`, `1MB`, or a plain number of bytes), in bytes once read. */
export function bytes(limits: BytesLimits = {}): z.ZodType<number> {
  const { minBytes = 0, maxBytes } = limits;
  const expected = `a size such as 512, 64KiB or 1MiB${range(minBytes, maxBytes, formatBytes)}`;
  return parsed('bytes', expected, (input) => within(parseBytes(String(input)), minBytes, maxBytes));
}

/** `host:port`, an IPv6 host in brackets, `:port` for every interface, port 0 for one that the system picks. */
export function listenAddress(): z.ZodType<ListenAddress> {
  return parsed('address', 'host:port such as 127.0.0.1:9001 or [::1]:9001', (input) =>
    typeof input === 'string' ? parseListenAddress(input) : undefined,
  );
}

/** An absolute URL whose scheme is one of `schemes` (without the colon, e.g. `'http', 'https'`), kept as it was written. */
export function url(...schemes: [string, ...string[]]): z.ZodType<string> {
  const expected = `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  return parsed('url', expected, (input) => {
    if (typeof input !== 'string' || !URL.canParse(input)) return undefined;
    return schemes.some((scheme) => input.startsWith(`${scheme}://`)) ? input : undefined;
  });
}

/** The same with one host or several, separated by commas: `pulsar://h1:6650,h2:6650`. */
export function hostsUrl(...schemes: [string, ...string[]]): z.ZodType<string> {
  const urls = schemes.map((scheme) => `${scheme}://`);
  const expected = `a URL that starts with ${urls.join(' or ')}, several hosts separated by commas`;
  return parsed('url', expected, (input) => {
    const start = typeof input === 'string' ? urls.find((url) => input.startsWith(url)) : undefined;
    if (start === undefined) return undefined;
    const text = String(input);
    const hosts = text.slice(start.length).split(',');
    return hosts.every((host) => host !== '' && URL.canParse(start + host)) ? text : undefined;
  });
}

/** A non-empty text that no message, log or generated document ever shows. */
export function secret(): z.ZodString {
  const schema = z.string().min(1);
  secrets.add(schema, { secret: true });
  return schema;
}

function within(value: number | undefined, min: number, max: number | undefined): number | undefined {
  return value === undefined || value < min || (max !== undefined && value > max) ? undefined : value;
}

function range(min: number, max: number | undefined, format: (value: number) => string): string {
  if (max !== undefined) return `, from ${format(min)} to ${format(max)}`;
  return min > 0 ? `, at least ${format(min)}` : '';
}

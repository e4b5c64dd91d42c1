import { PulsarError } from './errors.ts';

/** What to say of an option that a config may not have: why, and what is taken nevertheless because it changes nothing. */
export interface Unsupported {
  readonly why: string;
  /** Values that mean what is done anyway. */
  readonly accepted?: readonly unknown[];
}

/**
 * Refuses what this client would otherwise ignore: options that are unknown, or known from the official client and not
 * supported here.
 *
 * @param kind the config's name, for messages
 * @throws PulsarError `InvalidConfiguration`
 */
export function refuseUnknown(
  kind: string,
  config: object,
  supported: readonly string[],
  unsupported: Readonly<Record<string, Unsupported>>,
): void {
  for (const [name, value] of Object.entries(config)) {
    if (value === undefined || supported.includes(name)) continue;
    const known = Object.hasOwn(unsupported, name) ? unsupported[name] : undefined;
    if (known === undefined) throw invalid(`${kind} has no option '${name}'; there are ${supported.join(', ')}`);
    if (known.accepted?.includes(value) !== true) throw invalid(`${kind} option '${name}' ${known.why}`);
  }
}

/** @throws PulsarError `InvalidConfiguration` unless `value` is absent or an integer from `min` on */
export function integer(kind: string, name: string, value: number | undefined, fallback: number, min: number): number {
  if (value === undefined) return fallback;
  if (!Number.isSafeInteger(value) || value < min) {
    throw invalid(`${kind} option '${name}' is ${String(value)}, expected an integer, at least ${min}`);
  }
  return value;
}

/** The longest that a timer can wait: a longer one would fire at once. */
export const maxTimerMs: number = 2 ** 31 - 1;

/** @throws PulsarError `InvalidConfiguration` unless `value` is absent or an integer from `min` on that a timer can wait */
export function milliseconds(
  kind: string,
  name: string,
  value: number | undefined,
  fallback: number,
  min: number,
): number {
  const checked = integer(kind, name, value, fallback, min);
  if (checked > maxTimerMs) throw invalid(`${kind} option '${name}' is ${checked}, expected at most ${maxTimerMs}`);
  return checked;
}

/** @throws PulsarError `InvalidConfiguration` unless `value` is absent or one of the values allowed */
export function oneOf<T extends string>(
  kind: string,
  name: string,
  value: T | undefined,
  fallback: T,
  allowed: readonly T[],
): T {
  if (value === undefined) return fallback;
  if (!allowed.includes(value)) {
    throw invalid(`${kind} option '${name}' is '${value}', expected one of ${allowed.join(', ')}`);
  }
  return value;
}

/** @throws PulsarError `InvalidConfiguration` unless `value` is text, and not empty */
export function text(kind: string, name: string, value: string): string {
  if (typeof value !== 'string' || value === '') {
    throw invalid(`${kind} option '${name}' is ${JSON.stringify(value)}, expected text that is not empty`);
  }
  return value;
}

/** @throws PulsarError `InvalidConfiguration` where two options contradict each other, or one is missing */
export function mustHold(kind: string, holds: boolean, otherwise: string): void {
  if (!holds) throw invalid(`${kind}: ${otherwise}`);
}

/** Properties as the protocol has them. */
export function keyValues(
  properties: Readonly<Record<string, string>> | undefined,
): { readonly key: string; readonly value: string }[] {
  return Object.entries(properties ?? {}).map(([key, value]) => ({ key, value }));
}

function invalid(message: string): PulsarError {
  return new PulsarError('InvalidConfiguration', message);
}

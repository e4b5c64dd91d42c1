import { describeError } from '@pharos/errors';

/** What the Pulsar client writes its log to. */
export interface ClientLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Warnings and errors as lines for people, each with its reason; one that repeats itself (a broker that stays away) is said once. */
export function clientLog(say: (text: string) => void): ClientLog {
  let last = '';
  const quiet = (): void => undefined;
  const speak = (fields: object, message: string): void => {
    const reason = reasonIn(fields);
    const text = reason === '' ? message : `${message}: ${reason}`;
    if (text !== last) say(text);
    last = text;
  };
  return { debug: quiet, info: quiet, warn: speak, error: speak };
}

function reasonIn(fields: object): string {
  const reason: unknown = Reflect.get(fields, 'reason') ?? Reflect.get(fields, 'err');
  return reason === undefined ? '' : describeError(reason);
}

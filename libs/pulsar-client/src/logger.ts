/** Writes one record: fields and a message. */
export type LogMethod = (fields: object, message: string) => void;

/** What this client tells of itself; pino fits. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

const quiet: LogMethod = () => undefined;

export const silentLogger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

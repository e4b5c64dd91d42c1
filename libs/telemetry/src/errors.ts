import { type ErrorTable, PharosError, type PharosErrorOptions } from '@pharos/errors';

export const telemetryErrorTable: ErrorTable = {
  'address-in-use': {
    retryable: false,
    description: 'Another process listens on the address that the internal HTTP listener was given.',
  },
  'listen-failed': {
    retryable: false,
    description: 'The internal HTTP listener could not listen on its address, for another reason than its being busy.',
  },
  'invalid-metric': {
    retryable: false,
    description:
      'A metric was declared with a name that does not start with pharos_ or is not in a base unit, twice, without a help text, or with too many buckets.',
  },
  'invalid-tracing': {
    retryable: false,
    description: 'A variable of OpenTelemetry (OTEL_…) has a value that is not supported.',
  },
};

export type TelemetryErrorCode = 'address-in-use' | 'listen-failed' | 'invalid-metric' | 'invalid-tracing';

export class TelemetryError extends PharosError<TelemetryErrorCode> {
  constructor(code: TelemetryErrorCode, message: string, options?: PharosErrorOptions) {
    super(telemetryErrorTable, code, message, options);
  }
}

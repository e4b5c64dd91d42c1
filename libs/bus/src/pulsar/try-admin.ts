import { setTimeout as delay } from 'node:timers/promises';
import { AdminError } from '@pharos/pulsar-client';

// A broker that starts or hands over answers in between with errors; more than a moment of it is a state to report.
const adminTries = 3;
const adminRetryMs = 300;

/** The answer, or the error of the last of a few tries. */
export async function tryAdmin<T>(call: () => Promise<T>): Promise<T | AdminError> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      if (!error.retryable || tries === adminTries) return error;
      await delay(adminRetryMs);
    }
  }
}

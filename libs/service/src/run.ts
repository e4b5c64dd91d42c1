import { runProcess, type Service } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

/**
 * As in Node.js 20; 24 has 64 KiB. A small buffer that is kept (an entry in a ring, the name of a channel) keeps the whole block that it was cut from, with
 * whatever short-lived lay beside it; rings count their own bytes only.
 */
const bufferPoolBytes = 8 * 1024;

/** Runs a service until SIGTERM or SIGINT, then drains and stops it, and logs what happens. @throws what keeps it from starting */
export async function runService(service: Service, drainTimeoutMs: number, logger: Logger): Promise<void> {
  Buffer.poolSize = bufferPoolBytes;
  await runProcess(service, { drainTimeoutMs, onEvent: (event, detail) => logEvent(logger, event, detail) });
}

function logEvent(logger: Logger, event: string, detail: unknown): void {
  if (event === 'signal') logger.info({ signal: String(detail) }, 'signal received');
  else if (event === 'drained') logger.info('drained');
  else if (event === 'drain-cut-short') logger.warn('the drain was cut short; what is left is dropped');
  else logger.error({ err: detail }, event);
}

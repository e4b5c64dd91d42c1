import { runProcess, type Service } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

/** Runs a service until SIGTERM or SIGINT, then drains and stops it, and logs what happens. @throws what keeps it from starting */
export async function runService(service: Service, drainTimeoutMs: number, logger: Logger): Promise<void> {
  await runProcess(service, { drainTimeoutMs, onEvent: (event, detail) => logEvent(logger, event, detail) });
}

function logEvent(logger: Logger, event: string, detail: unknown): void {
  if (event === 'signal') logger.info({ signal: String(detail) }, 'signal received');
  else if (event === 'drained') logger.info('drained');
  else if (event === 'drain-cut-short') logger.warn('the drain was cut short; what is left is dropped');
  else logger.error({ err: detail }, event);
}

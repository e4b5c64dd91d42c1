import type { Service } from './service.ts';

export interface ProcessOptions {
  /** How long `drain` may take before `stop` is called regardless. */
  readonly drainTimeoutMs: number;
  /** Told of what happens, for the log: a signal, the end of the drain (cut short by a second signal or the time), a failed drain or stop. */
  readonly onEvent?: (
    event: 'signal' | 'drained' | 'drain-cut-short' | 'drain-failed' | 'stop-failed',
    detail: unknown,
  ) => void;
}

/**
 * Runs a service until SIGTERM or SIGINT, then drains and stops it; resolves when it has stopped.
 *
 * A second signal while draining stops at once: an operator who presses Ctrl-C twice means it.
 */
export async function runProcess(service: Service, options: ProcessOptions): Promise<void> {
  const emit = options.onEvent ?? (() => undefined);
  let signals = 0;
  let wake: () => void = () => undefined;
  const nextSignal = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  const onSignal = (signal: NodeJS.Signals): void => {
    signals++;
    emit('signal', signal);
    wake();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    const first = nextSignal();
    // A service that waits to start, for a broker that isn't there, can be stopped too.
    await Promise.race([service.run(), first]);
    if (signals === 0) await first;
    if (signals < 2) await drain(service, options, nextSignal(), emit);
  } finally {
    try {
      await service.stop();
    } catch (error) {
      emit('stop-failed', error);
    }
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  }
}

async function drain(
  service: Service,
  options: ProcessOptions,
  secondSignal: Promise<void>,
  emit: NonNullable<ProcessOptions['onEvent']>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => (timer = setTimeout(resolve, options.drainTimeoutMs)));
  try {
    const drained = service.drain().then(() => true as const);
    const whole = await Promise.race([drained, secondSignal, timeUp]);
    emit(whole === true ? 'drained' : 'drain-cut-short', undefined);
  } catch (error) {
    emit('drain-failed', error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A long-lived part of a process.
 *
 * `run` starts it and resolves when it is ready. `drain` stops taking on new work, finishes what is under way and lets
 * others take over; it resolves when nothing is left or its own time is up. `stop` frees everything at once; it may be
 * called at any time, more than once, and without `drain`.
 */
export interface Service {
  run(): Promise<void>;
  drain(): Promise<void>;
  stop(): Promise<void>;
}

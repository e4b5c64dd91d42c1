const EXIT_STATUS: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

/** Whether and how the process was asked to end. */
export interface Stop {
  isRequested(): boolean;
  /** 130 or 143, as shells expect after SIGINT and SIGTERM; 0 where there was no signal. */
  readonly exitStatus: number;
  /** Calls `listener` at the signal, or at once where it has come; the result takes the listener back. */
  onStop(listener: () => void): () => void;
}

/** Waits for SIGINT and SIGTERM: the first asks the command to finish what it holds, the second ends it where it stands. */
export class SignalStop implements Stop {
  readonly #listeners = new Set<() => void>();
  readonly #handler: (signal: NodeJS.Signals) => void;
  #signal: NodeJS.Signals | undefined;

  /** `onSecond` says what is given up; the process ends right after it. */
  constructor(onSecond: () => void) {
    this.#handler = (signal): void => {
      if (this.#signal !== undefined) {
        onSecond();
        process.exit(EXIT_STATUS[signal] ?? 1);
      }
      this.#signal = signal;
      for (const listener of this.#listeners) listener();
      this.#listeners.clear();
    };
    process.on('SIGINT', this.#handler);
    process.on('SIGTERM', this.#handler);
  }

  isRequested(): boolean {
    return this.#signal !== undefined;
  }

  get exitStatus(): number {
    return EXIT_STATUS[this.#signal ?? ''] ?? 0;
  }

  onStop(listener: () => void): () => void {
    if (this.#signal !== undefined) {
      listener();
      return () => undefined;
    }
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  dispose(): void {
    process.off('SIGINT', this.#handler);
    process.off('SIGTERM', this.#handler);
    this.#listeners.clear();
  }
}

/** Lets others wait until a set is empty. */
export class Emptiness {
  readonly #set: ReadonlySet<unknown>;
  #waiting: (() => void)[] = [];

  constructor(set: ReadonlySet<unknown>) {
    this.#set = set;
  }

  /** Resolves at once where the set is empty, else with the `check` that finds it so. */
  async reached(): Promise<void> {
    if (this.#set.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** To be called when something was taken out. */
  check(): void {
    if (this.#set.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Lets others wait until a set or map is empty. */
export class Emptiness {
  readonly #set: { readonly size: number };
  #waiting: (() => void)[] = [];

  constructor(set: { readonly size: number }) {
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

/** What became of the publications that every connection should have got. */
export interface Checked {
  /** Publications that arrived, repeats left out. */
  readonly deliveries: number;
  /** WebSocket frames that they came in: fewer where publications were packed. */
  readonly frames: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Arrived after a later one. */
  readonly reordered: number;
}

/**
 * Follows the numbers that each connection receives: 0, 1, 2, … each once. As long as all is well it costs a comparison a
 * delivery; what is missing is kept only where something is.
 */
export class DeliveryCheck {
  readonly #next: number[] = [];
  readonly #missing = new Map<number, Set<number>>();
  #deliveries = 0;
  #frames = 0;
  #duplicated = 0;
  #reordered = 0;

  /** @returns the index of the new connection, which should get every number from 0 */
  addConnection(): number {
    return this.#next.push(0) - 1;
  }

  get deliveries(): number {
    return this.#deliveries;
  }

  /** A frame with publications came in. */
  frame(): void {
    this.#frames++;
  }

  accept(connection: number, sequence: number): void {
    const next = this.#next[connection] as number;
    if (sequence === next) {
      this.#next[connection] = next + 1;
      this.#deliveries++;
    } else this.#acceptOdd(connection, sequence, next);
  }

  /** The state after `published` numbers (0 to `published` − 1) were sent to all. */
  result(published: number): Checked {
    return {
      deliveries: this.#deliveries,
      frames: this.#frames,
      lost: Math.max(0, published * this.#next.length - this.#deliveries),
      duplicated: this.#duplicated,
      reordered: this.#reordered,
    };
  }

  #acceptOdd(connection: number, sequence: number, next: number): void {
    let missing = this.#missing.get(connection);
    if (sequence > next) {
      if (missing === undefined) this.#missing.set(connection, (missing = new Set()));
      for (let number = next; number < sequence; number++) missing.add(number);
      this.#next[connection] = sequence + 1;
      this.#deliveries++;
    } else if (missing?.delete(sequence) === true) {
      this.#reordered++;
      this.#deliveries++;
    } else this.#duplicated++;
  }
}

/** Before anything was sent. */
export const nothing: Checked = { deliveries: 0, frames: 0, lost: 0, duplicated: 0, reordered: 0 };

/** Why a figure that rests on these deliveries can't be believed; nothing where it can. */
export function voidReason(checked: Checked): string | undefined {
  const { lost, duplicated, reordered } = checked;
  if (checked.deliveries === 0) return 'nothing was delivered';
  if (lost + duplicated + reordered === 0) return undefined;
  return `${lost} lost, ${duplicated} duplicated, ${reordered} reordered`;
}

/** Adds up what several windows or receivers saw. */
export function addChecked(a: Checked, b: Checked): Checked {
  return combine(a, b, 1);
}

/** What came after `before` was taken. Losses, repeats and disorder count where they were first seen. */
export function subtractChecked(total: Checked, before: Checked): Checked {
  return combine(total, before, -1);
}

function combine(a: Checked, b: Checked, sign: 1 | -1): Checked {
  return {
    deliveries: a.deliveries + sign * b.deliveries,
    frames: a.frames + sign * b.frames,
    lost: a.lost + sign * b.lost,
    duplicated: a.duplicated + sign * b.duplicated,
    reordered: a.reordered + sign * b.reordered,
  };
}

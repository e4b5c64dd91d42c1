/** A session that the protocol's pings keep alive. */
export interface PingedSession {
  /** Sends the server's ping. */
  ping(): void;
  /** A ping was sent and its answer is still due. */
  readonly pongDue: boolean;
  noPong(): void;
  /** The first command hasn't come. */
  readonly fresh: boolean;
  stale(): void;
}

export interface LivenessLimits {
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  /** Time for the first command. */
  readonly connectTimeoutMs: number;
}

const tickMs = 1_000;

/**
 * Pings every session in its turn and ends those that don't answer, with one timer for all: a wheel with a slot for each
 * second of the ping interval. Also ends connections that never sent their first command.
 */
export class Liveness {
  readonly limits: LivenessLimits;
  readonly #slots: readonly Set<PingedSession>[];
  readonly #arrivals: readonly Set<PingedSession>[];
  readonly #pongTicks: number;
  #tick = 0;
  #nextSlot = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: LivenessLimits) {
    this.limits = limits;
    this.#slots = makeSlots(Math.max(1, Math.round(limits.pingIntervalMs / tickMs)));
    // The answer must be looked for before the next ping of the same session clears the question.
    this.#pongTicks = Math.min(Math.max(1, Math.ceil(limits.pongTimeoutMs / tickMs)), this.#slots.length);
    // One for the tick that a connection arrives in the middle of, and one that is looked at.
    this.#arrivals = makeSlots(Math.max(1, Math.ceil(limits.connectTimeoutMs / tickMs)) + 2);
  }

  run(): void {
    this.#timer = setInterval(() => this.#turn(), tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Watches a new connection for its first command; returns its slot, for `remove`. */
  arrived(session: PingedSession): number {
    const slot = this.#tick % this.#arrivals.length;
    (this.#arrivals[slot] as Set<PingedSession>).add(session);
    return this.#slots.length + slot;
  }

  /** Pings a session from now on; returns its slot, for `remove`. Sessions are dealt out evenly, so that pings come as a trickle. */
  add(session: PingedSession): number {
    const slot = this.#nextSlot++ % this.#slots.length;
    (this.#slots[slot] as Set<PingedSession>).add(session);
    return slot;
  }

  /** Lets a session go; `slot` is what `arrived` or `add` gave. */
  remove(session: PingedSession, slot: number): void {
    const pinged = this.#slots[slot];
    if (pinged === undefined) this.#arrivals[slot - this.#slots.length]?.delete(session);
    else pinged.delete(session);
  }

  #turn(): void {
    this.#tick++;
    const size = this.#slots.length;
    const late = this.#slots[(this.#tick + size - (this.#pongTicks % size)) % size] as Set<PingedSession>;
    for (const session of late) if (session.pongDue) session.noPong();
    for (const session of this.#slots[this.#tick % size] as Set<PingedSession>) session.ping();

    const due = (this.#tick + 1) % this.#arrivals.length;
    const arrivals = this.#arrivals[due] as Set<PingedSession>;
    for (const session of arrivals) if (session.fresh) session.stale();
    arrivals.clear();
  }
}

function makeSlots(count: number): Set<PingedSession>[] {
  return Array.from({ length: count }, () => new Set<PingedSession>());
}

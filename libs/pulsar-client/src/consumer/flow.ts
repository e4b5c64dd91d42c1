/** Entries that come before their size is believed: twice as many may be under way with each. */
const rampFactor = 2;
/** Of the bytes so much is asked for: the rest is for entries that turn out larger than those before. */
const askedShare = 0.75;
const maxGrant = 1_000_000_000;
/** What was asked for and has not come by then is not under way: a batch used up the permits of others. */
export const underWayMs = 250;

export interface FlowLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** A connection that can stop reading for somebody's sake. */
interface Pausable {
  pauseReading(holder: object): void;
  resumeReading(holder: object): void;
}

/**
 * What all partitions of a consumer may hold together. Half of it is divided among them and waits for its partition alone,
 * so that a busy one can't starve another; the other half goes to whoever needs it.
 */
export class FlowPool {
  readonly limits: FlowLimits;
  /** Partitions that share it. */
  #members = 0;
  #queuedBytes = 0;
  #largestEntry = 0;
  /** What partitions use beyond their own shares. */
  #commonMessages = 0;
  #commonBytes = 0;
  readonly #paused = new Set<Pausable>();

  constructor(limits: FlowLimits) {
    this.limits = limits;
  }

  /**
   * So much came that reading must stop: much was asked for while entries were small, and large ones came. A partition may
   * have one entry more than the limit, which it was given because it had none.
   */
  get flooded(): boolean {
    return this.#queuedBytes > this.limits.maxBytes + this.#members * this.#largestEntry;
  }

  get shareMessages(): number {
    return this.limits.maxMessages / (2 * this.#members);
  }

  get shareBytes(): number {
    return (this.limits.maxBytes * askedShare) / (2 * this.#members);
  }

  get restMessages(): number {
    return this.limits.maxMessages / 2 - this.#commonMessages;
  }

  get restBytes(): number {
    return (this.limits.maxBytes * askedShare) / 2 - this.#commonBytes;
  }

  join(): void {
    this.#members++;
  }

  leave(): void {
    this.#members--;
  }

  queued(bytes: number): void {
    this.#queuedBytes += bytes;
    if (bytes > this.#largestEntry) this.#largestEntry = bytes;
    if (this.#paused.size > 0 && !this.flooded) this.resume();
  }

  /** Stops reading until it is flooded no more; false where it has stopped already. */
  pause(connection: Pausable): boolean {
    if (this.#paused.has(connection)) return false;
    this.#paused.add(connection);
    connection.pauseReading(this);
    return true;
  }

  resume(): void {
    for (const connection of this.#paused) connection.resumeReading(this);
    this.#paused.clear();
  }

  useCommon(messages: number, bytes: number): void {
    this.#commonMessages += messages;
    this.#commonBytes += bytes;
  }
}

/**
 * How many messages the broker may send. Its permits count messages, and with a single one left it may still send a whole
 * batch; memory counts bytes. So each permit is reckoned as an entry of the size that entries have had lately, with as many
 * messages as they had.
 */
export class Flow {
  readonly #window: number;
  readonly #pool: FlowPool;
  /** Granted and not used yet; below 0 where a batch had more messages than were left. */
  #outstanding = 0;
  /** Entries that may be under way: asked for lately, and a while ago. */
  #recent = 0;
  #older = 0;
  #agedAt = 0;
  #queuedMessages = 0;
  #queuedBytes = 0;
  #entryMessages = 1;
  #entryBytes = 0;
  /** Entries that came so far. */
  #seen = 0;
  #commonMessages = 0;
  #commonBytes = 0;
  #left = false;

  /** @param window permits at most; 0: none are ever given */
  constructor(window: number, pool: FlowPool) {
    this.#window = window;
    this.#pool = pool;
    pool.join();
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether the broker may send nothing more. */
  get dry(): boolean {
    return this.#outstanding <= 0;
  }

  /** All that was granted has come, and yet more is believed to be under way: with batches it may be, or not. */
  get waitsForNothing(): boolean {
    return this.dry && this.#expected > 0;
  }

  /** A new session begins with no permits. */
  restart(): void {
    this.#outstanding = 0;
    this.#recent = 0;
    this.#older = 0;
    this.#account();
  }

  /** Its partition is over, and its queue empty. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.restart();
    this.#pool.leave();
  }

  /** An entry came. */
  arrived(messages: number, bytes: number): void {
    this.#outstanding -= messages;
    if (this.#older > 0) this.#older--;
    else if (this.#recent > 0) this.#recent--;
    this.#queuedMessages += messages;
    this.#queuedBytes += bytes;
    this.#pool.queued(bytes);
    this.#entryMessages = this.#seen === 0 ? messages : approach(this.#entryMessages, messages);
    this.#entryBytes = this.#seen === 0 ? bytes : approach(this.#entryBytes, bytes);
    this.#seen++;
  }

  taken(messages: number, bytes: number): void {
    this.#queuedMessages -= messages;
    this.#queuedBytes -= bytes;
    this.#pool.queued(-bytes);
  }

  /** Permits to grant now, counted as granted; 0: none, or too few to be worth a command. */
  grant(): number {
    if (this.#window === 0) return 0;
    // Hot path: more than half of what may be out at most is out.
    if (this.#outstanding * 2 > this.#window) return 0;
    const held = Math.max(0, this.#outstanding);
    this.#age(held);
    this.#account();
    let target = Math.floor(Math.min(this.#window - this.#queuedMessages, held + this.#room(), maxGrant));
    // Whoever has nothing and expects nothing may have one, or it would wait for ever.
    if (target < 1 && this.#outstanding <= 0 && this.#queuedMessages === 0) target = 1;
    const missing = Math.min(maxGrant, target - this.#outstanding);
    if (target < 1 || missing <= 0 || (missing * 2 < target && this.#outstanding > 0)) return 0;
    this.#outstanding += missing;
    this.#recent += Math.max(0, this.#outstanding - held);
    this.#account();
    return missing;
  }

  /** Entries that may be asked for beyond those that are under way. */
  #room(): number {
    const pool = this.#pool;
    const messages = pool.shareMessages + pool.restMessages + this.#commonMessages - this.#usedMessages;
    const bytes = pool.shareBytes + pool.restBytes + this.#commonBytes - this.#usedBytes;
    const ramp = 1 + this.#seen * rampFactor - this.#expected;
    return Math.floor(Math.min(messages / this.#entryMessages, bytes / Math.max(1, this.#entryBytes), ramp));
  }

  #age(held: number): void {
    const now = performance.now();
    if (now - this.#agedAt < underWayMs) return;
    this.#agedAt = now;
    this.#older = this.#recent;
    // What the broker may yet send is under way for as long as it takes.
    this.#recent = Math.max(0, held - this.#older);
  }

  get #expected(): number {
    return this.#recent + this.#older;
  }

  get #usedMessages(): number {
    return this.#queuedMessages + this.#expected * this.#entryMessages;
  }

  get #usedBytes(): number {
    return this.#queuedBytes + this.#expected * this.#entryBytes;
  }

  /** Tells the pool what is used beyond the share. */
  #account(): void {
    const messages = Math.max(0, this.#usedMessages - this.#pool.shareMessages);
    const bytes = Math.max(0, this.#usedBytes - this.#pool.shareBytes);
    this.#pool.useCommon(messages - this.#commonMessages, bytes - this.#commonBytes);
    this.#commonMessages = messages;
    this.#commonBytes = bytes;
  }
}

/** Quick to believe in large entries, slow to believe that they are over. */
function approach(average: number, value: number): number {
  return average + (value - average) * (value > average ? 0.5 : 0.05);
}

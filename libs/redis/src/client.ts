import { Cluster, type Redis } from 'ioredis';
import { withDeadline } from '@pharos/lifecycle';
import { makeDriver } from './driver.ts';
import { RedisError, toRedisError } from './errors.ts';
import { checkOptions, describeTarget, type RedisOptions } from './options.ts';
import type { RedisArgument, RedisReply, ScriptCall } from './script.ts';
import { checkServer } from './server-check.ts';

/** How often a server that can't be used as it is gets another look. */
const recheckMs = 2_000;

/** After how long a driver that has given up is set going again. */
const reviveMs = 500;

/**
 * A connection to Redis in any of its modes, which comes back by itself when it is lost.
 *
 * Nothing waits here: while there is no connection every call fails at once (`unavailable`). What was in flight when the
 * connection was lost fails too, and may or may not have run. A Cluster is the exception that its driver makes: there a command may be
 * sent again to the next node, so scripts must bear to run twice.
 */
export class RedisClient {
  readonly mode: RedisOptions['mode'];
  readonly #driver: Redis | Cluster;
  readonly #target: string;
  readonly #listeners = new Set<(connected: boolean) => void>();
  /** Why servers can't be used, by address. */
  readonly #problems = new Map<string, RedisError>();
  readonly #watched = new WeakSet<Redis>();
  #lastError: Error | undefined;
  #recheck: NodeJS.Timeout | undefined;
  #revival: NodeJS.Timeout | undefined;
  #session = 0;
  #closed = false;

  private constructor(options: RedisOptions) {
    this.mode = options.mode;
    this.#target = describeTarget(options);
    this.#driver = makeDriver(options);
    // The driver's events are all that says why it doesn't connect.
    this.#driver.on('error', (error: Error) => (this.#lastError = error));
    this.#driver.on('end', () => this.#revive());
    if (this.#driver instanceof Cluster) {
      this.#driver.on('node error', (error: Error) => (this.#lastError = error));
      this.#driver.on('+node', (node: Redis) => this.#watch(node));
      this.#driver.on('-node', () => this.#changed());
      this.#driver.on('ready', () => this.#changed());
      this.#driver.on('close', () => this.#changed());
    } else this.#watch(this.#driver);
  }

  /**
   * Connects, and looks whether the servers can be used: version, mode, and `maxmemory-policy noeviction`.
   *
   * @throws RedisError `invalid-options`, `unavailable`, `refused`, `misconfigured`
   */
  static async open(options: RedisOptions): Promise<RedisClient> {
    checkOptions(options);
    const client = new RedisClient(options);
    try {
      await client.#connect(options.connectTimeoutMs ?? 10_000);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /**
   * The same for a service that has to start whether Redis is there or not: calls fail until it is, with what is wrong.
   * Told once why, where the first attempt fails.
   *
   * @throws RedisError `invalid-options`
   */
  static start(options: RedisOptions, onFailed: (error: RedisError) => void): RedisClient {
    checkOptions(options);
    const client = new RedisClient(options);
    client.#connect(options.connectTimeoutMs ?? 10_000).catch((error: unknown) => {
      if (!client.#closed) onFailed(toRedisError(error, `connecting to ${client.#target}`));
    });
    return client;
  }

  get connected(): boolean {
    return this.#driver.status === 'ready';
  }

  /** Grows whenever a connection is lost or made: two looks with the same number were over one unbroken connection. */
  get session(): number {
    return this.#session;
  }

  /** Is told when the connection is lost or back; returns how to stop that. A Cluster tells of each of its nodes. */
  onConnection(listener: (connected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs a script where its keys are. @throws RedisError */
  async script(call: ScriptCall): Promise<RedisReply> {
    const [outcome] = await this.scripts([call]);
    if (outcome?.status === 'fulfilled') return outcome.value;
    throw outcome?.reason;
  }

  /**
   * Runs scripts in one round trip (a Cluster: one per node), in order as far as they share a node. Never rejects; the
   * reasons are RedisErrors.
   */
  async scripts(calls: readonly ScriptCall[]): Promise<PromiseSettledResult<RedisReply>[]> {
    const first = await this.#send(calls, false);
    const unknown = calls.filter((_call, index) => isNoScript(first[index]));
    if (unknown.length === 0) return first.map((outcome, index) => this.#typed(outcome, calls[index]));
    // Answers come in the order of the calls, and so do these.
    const second = await this.#send(unknown, true);
    let next = 0;
    return first.map((outcome, index) =>
      this.#typed(isNoScript(outcome) ? (second[next++] ?? outcome) : outcome, calls[index]),
    );
  }

  /** Runs one command on the node of `key`; strings come as bytes. @throws RedisError */
  async command(name: string, key: string, ...args: RedisArgument[]): Promise<RedisReply> {
    try {
      this.#assertUsable();
      return (await this.#driver.callBuffer(name, [key, ...args])) as RedisReply;
    } catch (error) {
      throw this.#error(error, name);
    }
  }

  /** Ends all connections at once; what is in flight fails. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#recheck);
    clearTimeout(this.#revival);
    this.#driver.disconnect();
    this.#listeners.clear();
  }

  async #connect(timeoutMs: number): Promise<void> {
    try {
      await withDeadline(this.#driver.connect(), timeoutMs, 'connecting');
    } catch (error) {
      throw toRedisError(lastOfNode(this.#lastError ?? error), `connecting to ${this.#target}`);
    }
    await Promise.all(this.#nodes().map((node) => this.#check(node)));
    for (const problem of this.#problems.values()) throw problem;
  }

  /** The driver is told never to give up, and was seen to do it all the same. */
  #revive(): void {
    if (this.#closed) return;
    this.#revival = setTimeout(() => void this.#driver.connect().catch(() => undefined), reviveMs);
  }

  #nodes(): Redis[] {
    return this.#driver instanceof Cluster ? this.#driver.nodes('all') : [this.#driver];
  }

  #watch(node: Redis): void {
    if (this.#watched.has(node)) return;
    this.#watched.add(node);
    node.on('ready', () => {
      this.#changed();
      // It may be another server than before: a replica that was promoted, a new pod.
      void this.#check(node);
    });
    node.on('close', () => this.#changed());
  }

  #changed(): void {
    this.#session++;
    if (this.#closed) return;
    const connected = this.connected;
    for (const listener of this.#listeners) listener(connected);
  }

  /** Notes whether the server can be used. Where it doesn't answer its next connection brings the next look. */
  async #check(node: Redis): Promise<void> {
    const address = addressOf(node);
    let info: string;
    try {
      info = await node.info();
    } catch (error) {
      const typed = toRedisError(error, `asking ${address} for its state`);
      if (typed.code === 'refused') this.#problems.set(address, typed);
      return;
    }
    const problem = checkServer(info, address, this.mode);
    if (problem === undefined) this.#problems.delete(address);
    else this.#problems.set(address, problem);
    this.#scheduleRecheck();
  }

  #scheduleRecheck(): void {
    clearTimeout(this.#recheck);
    if (this.#problems.size === 0 || this.#closed) return;
    this.#recheck = setTimeout(() => {
      // Servers that have left don't count any more; the others do until they are seen to be mended.
      const there = new Set(this.#nodes().map(addressOf));
      for (const address of this.#problems.keys()) if (!there.has(address)) this.#problems.delete(address);
      void Promise.all(this.#nodes().map((node) => this.#check(node))).finally(() => this.#scheduleRecheck());
    }, recheckMs);
    this.#recheck.unref();
  }

  async #send(calls: readonly ScriptCall[], withSource: boolean): Promise<PromiseSettledResult<RedisReply>[]> {
    try {
      this.#assertUsable();
    } catch (reason) {
      return calls.map(() => ({ status: 'rejected', reason }));
    }
    const driver = this.#driver;
    // A Cluster's pipeline takes one node only; separate commands of one turn go out together just as well.
    const pipeline = driver instanceof Cluster || calls.length === 1 ? undefined : driver.pipeline();
    const sent = calls.map(({ script, keys, args }) => {
      const [name, body] = withSource ? ['eval', script.source] : ['evalsha', script.sha1];
      return (pipeline ?? driver).callBuffer(name, [body, keys.length, ...keys, ...args]);
    });
    if (pipeline === undefined) return Promise.allSettled(sent as Promise<RedisReply>[]);
    const outcomes = (await pipeline.exec()) ?? [];
    return outcomes.map(([reason, value]) =>
      reason === null
        ? { status: 'fulfilled', value: value as RedisReply }
        : { status: 'rejected', reason: reason satisfies Error },
    );
  }

  #typed(outcome: PromiseSettledResult<RedisReply>, call?: ScriptCall): PromiseSettledResult<RedisReply> {
    if (outcome.status === 'fulfilled') return outcome;
    return { status: 'rejected', reason: this.#error(outcome.reason, `script '${call?.script.name ?? ''}'`) };
  }

  #error(error: unknown, what: string): RedisError {
    if (this.#closed) return closed();
    return toRedisError(error, `${what} on ${this.#target}`);
  }

  #assertUsable(): void {
    if (this.#closed) throw closed();
    for (const problem of this.#problems.values()) throw problem;
  }
}

/** A Cluster that can't be connected to says what the last of its nodes answered in a field of its error. */
function lastOfNode(error: unknown): unknown {
  return error instanceof Error && 'lastNodeError' in error && error.lastNodeError ? error.lastNodeError : error;
}

function addressOf(node: Redis): string {
  return `${node.options.host ?? '?'}:${node.options.port ?? '?'}`;
}

function isNoScript(outcome: PromiseSettledResult<RedisReply> | undefined): boolean {
  return outcome?.status === 'rejected' && outcome.reason instanceof Error && /NOSCRIPT/.test(outcome.reason.message);
}

function closed(): RedisError {
  return new RedisError('closed', 'the connection to Redis was closed');
}

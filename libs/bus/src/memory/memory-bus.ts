import { BusError } from '../errors.ts';
import { type BusLimits, PendingAppends, resolveLimits } from '../limits.ts';
import type { Bus, BusOptions, Log, LogSpec, WorkSpec, WorkSubscription } from '../port.ts';
import { parseTopic } from '../topic.ts';
import { TurnScheduler } from '../turns.ts';
import type { MemoryBroker } from './memory-broker.ts';
import { MemoryLog } from './memory-log.ts';
import { MemoryWorkSubscription } from './memory-work.ts';

/** The bus on logs in this process: for `npm start` and tests. What it holds ends with the process. */
export class MemoryBus implements Bus {
  readonly kind = 'memory';
  readonly #broker: MemoryBroker;
  readonly #pending: PendingAppends;
  readonly #turns: TurnScheduler;
  readonly #logs = new Set<MemoryLog>();
  readonly #work = new Set<MemoryWorkSubscription>();
  #closed = false;

  constructor(broker: MemoryBroker, options: BusOptions = {}) {
    const limits: BusLimits = resolveLimits(options);
    this.#broker = broker;
    this.#pending = new PendingAppends(limits);
    this.#turns = new TurnScheduler(limits.turnBytes);
  }

  async openLog(spec: LogSpec): Promise<Log> {
    this.#mustBeOpen();
    const topic = this.#broker.topic(spec.topic, spec.lanes, spec.keepMs);
    const log = new MemoryLog({
      topic,
      group: (name) => this.#broker.group(topic, name),
      defaultChannel: spec.defaultChannel ?? parseTopic(spec.topic).local,
      pending: this.#pending,
      turns: this.#turns,
      onClose: (closed) => this.#logs.delete(closed),
    });
    this.#logs.add(log);
    return log;
  }

  async subscribeWork(spec: WorkSpec): Promise<WorkSubscription> {
    this.#mustBeOpen();
    const topic = this.#broker.topic(spec.topic);
    const queue = this.#broker.workQueue(topic, spec.subscription, spec.startAt ?? 'earliest');
    const subscription = new MemoryWorkSubscription(queue, spec, (closed) => this.#work.delete(closed));
    this.#work.add(subscription);
    return subscription;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#logs].map((log) => log.close()));
    await Promise.all([...this.#work].map((subscription) => subscription.close()));
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new BusError('closed', 'the bus was closed');
  }
}

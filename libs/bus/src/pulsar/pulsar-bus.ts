import { accessFromTexts, Client, PulsarAdmin } from '@pharos/pulsar-client';
import { BusError } from '../errors.ts';
import { type BusLimits, PendingAppends, resolveLimits } from '../limits.ts';
import type { Bus, Log, LogSpec, WorkSpec, WorkSubscription } from '../port.ts';
import { parseTopic } from '../topic.ts';
import { TurnScheduler } from '../turns.ts';
import { adminUrlOf } from './admin-url.ts';
import { ClientProducer } from './client-producer.ts';
import { ClientStream } from './client-stream.ts';
import { readEpoch } from './ensure-topic.ts';
import { type FindTopicParts, type FoundTopic, findTopic } from './find-topic.ts';
import { type LogLook, lookAtLog } from './look-at-log.ts';
import { toBusError } from './pulsar-errors.ts';
import { PulsarGroup } from './pulsar-group.ts';
import { PulsarLog } from './pulsar-log.ts';
import type { PulsarBusOptions } from './pulsar-options.ts';
import { PulsarWork } from './pulsar-work.ts';
import { topicAdmin } from './topic-admin.ts';

// The appends' own deadlines have passed by then: this is for what nobody waits for any more.
const closeTimeoutMs = 2_000;

/** The bus on Apache Pulsar. Connects when the first log is opened. */
export class PulsarBus implements Bus {
  readonly kind = 'pulsar';
  readonly #options: PulsarBusOptions;
  readonly #limits: BusLimits;
  readonly #client: Client;
  readonly #admin: PulsarAdmin;
  readonly #adminUrl: string;
  readonly #pending: PendingAppends;
  readonly #turns: TurnScheduler;
  readonly #logs = new Set<PulsarLog>();
  readonly #work = new Set<PulsarWork>();
  /** Numbers producers and subscriptions of this bus, whose names must never come twice. */
  #names = 0;
  #closed = false;

  /** @throws BusError `refused` where a URL is not one */
  constructor(options: PulsarBusOptions) {
    this.#options = options;
    this.#limits = resolveLimits(options);
    this.#pending = new PendingAppends(this.#limits);
    this.#turns = new TurnScheduler(this.#limits.turnBytes);
    this.#adminUrl = options.adminUrl ?? adminUrlOf(options.serviceUrl);
    try {
      const access = accessFromTexts(options.access ?? {});
      this.#client = new Client({
        ...access,
        serviceUrl: options.serviceUrl,
        operationTimeoutSeconds: (options.operationTimeoutMs ?? 15_000) / 1000,
        ...(options.logger === undefined ? {} : { logger: options.logger }),
        ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
      });
      const timeoutMs = options.adminTimeoutMs ?? 10_000;
      this.#admin = new PulsarAdmin({ ...access, adminUrl: this.#adminUrl, timeoutMs });
    } catch (error) {
      throw toBusError(error, 'setting up the Pulsar client');
    }
  }

  async openLog(spec: LogSpec): Promise<Log> {
    this.#mustBeOpen();
    const { full, local } = parseTopic(spec.topic);
    const found = await findTopic(this.#partsOf(full, spec.lanes, spec.keepMs));
    this.#mustBeOpen();
    const log = this.#makeLog(full, found, spec.defaultChannel ?? local);
    this.#logs.add(log);
    return log;
  }

  /** What `openLog` would find and do, by questions that change nothing. @throws AdminError; BusError `invalid-topic`, `unreachable` */
  async lookAt(spec: LogSpec): Promise<LogLook> {
    this.#mustBeOpen();
    return lookAtLog(this.#partsOf(parseTopic(spec.topic).full, spec.lanes, spec.keepMs));
  }

  /** Whether there is the topic of a log. @throws AdminError */
  async isThere(topic: string): Promise<boolean> {
    return (await this.#admin.getPartitions(parseTopic(topic).full)) !== undefined;
  }

  /** Whether every lane of a log remembers a group. @throws AdminError */
  async hasGroup(topic: string, group: string): Promise<boolean> {
    const { full } = parseTopic(topic);
    const partitions = (await this.#admin.getPartitions(full)) ?? 0;
    for (let lane = 0; lane < Math.max(1, partitions); lane++) {
      const subscriptions = await this.#admin.getSubscriptions(laneTopicOf(full, partitions, lane));
      if (!subscriptions.includes(group)) return false;
    }
    return true;
  }

  async subscribeWork(spec: WorkSpec): Promise<WorkSubscription> {
    this.#mustBeOpen();
    const topic = parseTopic(spec.topic).full;
    await findTopic(this.#partsOf(topic, undefined));
    const work = await PulsarWork.open({
      client: this.#client,
      topic,
      spec,
      warn: (detail, message) => this.#options.logger?.warn(detail, message),
      onClose: (closed) => this.#work.delete(closed),
    });
    this.#work.add(work);
    if (this.#closed) await work.close();
    this.#mustBeOpen();
    return work;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled([...this.#logs].map((log) => log.close()));
    await Promise.allSettled([...this.#work].map((work) => work.close()));
    await this.#client.close(closeTimeoutMs);
  }

  #partsOf(topic: string, lanes: number | undefined, keepMs = 0): FindTopicParts {
    return {
      client: this.#client,
      admin: this.#admin,
      adminUrl: this.#adminUrl,
      serviceUrl: this.#options.serviceUrl,
      tailSubscription: this.#options.tailSubscription ?? 'failover',
      topic,
      lanes,
      retentionMinutes: Math.max(this.#options.retentionMinutes ?? 60, Math.ceil(keepMs / 60_000)),
    };
  }

  #makeLog(topic: string, found: FoundTopic, defaultChannel: string): PulsarLog {
    const { partitions, epoch, limitations } = found;
    const laneTopic = (lane: number): string => laneTopicOf(topic, partitions, lane);
    const warn = (detail: object, message: string): void => this.#options.logger?.warn(detail, message);
    return new PulsarLog({
      topic,
      lanes: Math.max(1, partitions),
      epoch,
      defaultChannel,
      limitations,
      pending: this.#pending,
      turns: this.#turns,
      attachTimeoutMs: this.#options.attachTimeoutMs ?? 15_000,
      createProducer: (lane, onChange) =>
        ClientProducer.open({
          client: this.#client,
          topic: laneTopic(lane),
          name: `${this.#options.namePrefix}-${this.#names++}-${lane}`,
          maxPendingMessages: this.#limits.maxPendingAppends,
          maxPendingBytes: this.#limits.maxPendingBytes,
          onChange,
        }),
      openStream: (lane, start) => {
        const session = this.#names++;
        return ClientStream.open({
          client: this.#client,
          topic: laneTopic(lane),
          subscription: `${this.#options.namePrefix}-${session}`,
          type: this.#options.tailSubscription ?? 'failover',
          queueBytes: this.#options.tailQueueBytes ?? 2 * 1024 * 1024,
          session,
          start,
        });
      },
      joinGroup: (spec, handler, onClose) =>
        PulsarGroup.join({
          client: this.#client,
          topic,
          laneTopics: Array.from({ length: Math.max(1, partitions) }, (_value, lane) => laneTopic(lane)),
          spec,
          handler,
          onClose,
        }),
      createReroutingProducer: (from, lane) =>
        ClientProducer.open({
          client: this.#client,
          topic: laneTopic(lane),
          name: `pharos-reroute-${from}`,
          ownSequenceIds: true,
          maxPendingMessages: this.#limits.maxPendingAppends,
          maxPendingBytes: this.#limits.maxPendingBytes,
          onChange: () => undefined,
        }),
      readEpoch: () => readEpoch(topicAdmin(this.#admin), topic, partitions > 0),
      warn,
      onClose: (closed) => this.#logs.delete(closed),
    });
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new BusError('closed', 'the bus was closed');
  }
}

/** The topic or partition of a lane. */
function laneTopicOf(topic: string, partitions: number, lane: number): string {
  return partitions === 0 ? topic : `${topic}-partition-${lane}`;
}

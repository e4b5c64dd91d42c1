import { type CommandsConfig, commandsSection, commandTopics } from '@pharos/api-service';
import { type Bus, type Log, type LogSpec, type PulsarBus, parseTopic, type WorkSubscription } from '@pharos/bus';
import { Namespaces } from '@pharos/channels';
import { controlTopics } from '@pharos/control';
import { edgeConfigSchema, edgePreset } from '@pharos/edge';
import { describeError } from '@pharos/errors';
import { groupName } from '@pharos/history-service';
import { AdminError } from '@pharos/pulsar-client';
import { newIdentity, pulsarBus, readConfig } from '@pharos/service';
import { createLogger } from '@pharos/telemetry';
import type { ParsedOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Resolves to the exit status. @throws ConfigError, BusError, AdminError */
export async function provision(options: ParsedOptions, terminal: Terminal): Promise<number> {
  const configFile = options.text('config');
  const { env } = terminal;
  const schema = edgeConfigSchema<{ readonly commands: CommandsConfig }>(edgePreset, { commands: commandsSection() });
  const config = readConfig(schema, configFile === undefined ? { env } : { configFile, env });
  const commands = commandTopics(config.commands);
  // What it would say stands in the report.
  const logger = createLogger({ name: 'provision', level: 'silent' });
  const bus = pulsarBus(config.pulsar, newIdentity('pharos-provision'), logger);
  const provisioning = new ProvisioningBus(bus, options.isSet('dry-run'));
  try {
    const { without_namespace: open, namespaces } = config.channel;
    const found = await Namespaces.open(provisioning, open, namespaces, { lifecycle: true });
    for (const spec of controlTopics(config.control)) await provisioning.openLog(spec);
    for (const log of found.logs) {
      if (found.withHistory(log).length > 0) await provisioning.joinGroup(log.topic, groupName);
    }
    if (commands !== undefined) {
      const { topic, subscription, deadLetters } = commands;
      await provisioning.openLog({ topic });
      await provisioning.subscribe(topic, subscription);
      await provisioning.openLog(deadLetters);
    }
  } finally {
    await bus.close();
  }
  terminal.stdout.write(`${provisioning.report.join('\n')}\n`);
  const isWhole = provisioning.isComplete && (provisioning.lacks === 0 || !options.isSet('strict'));
  return isWhole ? 0 : 1;
}

/** What there is to say of a topic. */
interface TopicReport {
  readonly topic: string;
  /** Nobody had made it yet. */
  isNew: boolean;
  readonly lines: string[];
}

/** Opens logs, which makes them, and writes down what it found; as a dry run it only looks. */
class ProvisioningBus implements Bus {
  readonly kind = 'pulsar';
  /** In the order in which they were asked for. */
  readonly #topics: TopicReport[] = [];
  /** Every topic has its epoch, or would be given one. */
  isComplete = true;
  /** What Pulsar lacks. */
  lacks = 0;
  readonly #bus: PulsarBus;
  readonly #isDryRun: boolean;

  constructor(bus: PulsarBus, isDryRun: boolean) {
    this.#bus = bus;
    this.#isDryRun = isDryRun;
  }

  get report(): string[] {
    return this.#topics.flatMap(({ lines }) => lines);
  }

  async openLog(spec: LogSpec): Promise<Log> {
    const { full: topic } = parseTopic(spec.topic);
    // Logs are opened at the same time: whichever is done first, its place is its own.
    const report: TopicReport = { topic, isNew: false, lines: [] };
    this.#topics.push(report);
    return this.#isDryRun ? this.#look(report, spec) : this.#open(report, spec);
  }

  /** From now on the log keeps for the group what it hasn't read. */
  joinGroup(topic: string, group: string): Promise<void> {
    return this.#makeSubscription(topic, group, async () => {
      const log = await this.#bus.openLog({ topic });
      const handler = { active: () => undefined, ended: () => undefined };
      const membership = await log.joinGroup({ group, member: 'pharos-provision' }, handler);
      await membership.close();
      await log.close();
    });
  }

  /** The same for a subscription that those who do work share. */
  subscribe(topic: string, subscription: string): Promise<void> {
    return this.#makeSubscription(topic, subscription, async () => {
      const work = await this.#bus.subscribeWork({ topic, subscription, type: 'shared' });
      await work.close();
    });
  }

  subscribeWork(): Promise<WorkSubscription> {
    throw new TypeError('nothing is subscribed to here');
  }

  close(): Promise<void> {
    return this.#bus.close();
  }

  async #look(report: TopicReport, spec: LogSpec): Promise<Log> {
    const { topic, lines } = report;
    const { isThere, lanes, epoch, changes, limitations, refusal } = await this.#bus.lookAt(spec);
    report.isNew = !isThere;
    const what = isThere ? 'is there' : 'would be made';
    lines.push(`${topic}: ${what}, ${lanesText(lanes)}${epoch === '' ? '' : `, epoch ${epoch}`}`);
    if (refusal !== undefined) this.isComplete = false;
    lines.push(...changes.map((change) => `  would set: ${change}`));
    this.#lacking(report, refusal === undefined ? limitations : [refusal.message]);
    const { local: defaultChannel } = parseTopic(topic);
    // As many as were asked for: that there are fewer is in the report, which goes on.
    return { topic, lanes: Math.max(lanes, spec.lanes ?? 1), defaultChannel, epoch, limitations: [], ...unopened };
  }

  async #open(report: TopicReport, spec: LogSpec): Promise<Log> {
    report.isNew = !(await this.#bus.isThere(report.topic));
    const log = await this.#bus.openLog(spec);
    const { lanes, epoch, limitations } = log;
    const what = report.isNew ? 'made' : 'there';
    report.lines.push(`${report.topic}: ${what}, ${lanesText(lanes)}, ${epoch === '' ? 'no epoch' : `epoch ${epoch}`}`);
    this.#lacking(report, limitations);
    if (epoch === '') this.isComplete = false;
    return log;
  }

  async #makeSubscription(topic: string, name: string, make: () => Promise<void>): Promise<void> {
    const report = this.#topics.find((asked) => asked.topic === topic);
    if (report === undefined || !(await this.#lacksSubscription(report, name))) return;
    if (this.#isDryRun) report.lines.push(`  would set: the subscription ${name}, it has none`);
    else await make();
  }

  async #lacksSubscription(report: TopicReport, name: string): Promise<boolean> {
    if (report.isNew) return true;
    try {
      return !(await this.#bus.hasGroup(report.topic, name));
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      this.#lacking(report, [`whether it has the subscription ${name} can't be seen (${describeError(error)})`]);
      return false;
    }
  }

  #lacking(report: TopicReport, limitations: readonly string[]): void {
    this.lacks += limitations.length;
    report.lines.push(...limitations.map((limitation) => `  lacking: ${limitation}`));
  }
}

function notOpen(): never {
  throw new TypeError('a dry run opens no log');
}

/** What nobody asks of a log that was only looked at. */
const unopened: Pick<Log, 'laneOf' | 'append' | 'attach' | 'joinGroup' | 'rerouter' | 'close'> = {
  laneOf: notOpen,
  append: notOpen,
  attach: notOpen,
  joinGroup: notOpen,
  rerouter: notOpen,
  close: () => Promise.resolve(),
};

function lanesText(lanes: number): string {
  return lanes === 1 ? '1 lane' : `${lanes} lanes`;
}

import { adminUrlOf, type Bus, type Log, type LogSpec, parseTopic, type WorkSubscription } from '@pharos/bus';
import { Namespaces } from '@pharos/channels';
import { pulsarAccessTexts } from '@pharos/config';
import { controlTopics } from '@pharos/control';
import { type EdgeConfig, edgeConfigSchema, edgePreset } from '@pharos/edge';
import { groupName } from '@pharos/history-service';
import { accessFromTexts, PulsarAdmin } from '@pharos/pulsar-client';
import { newIdentity, pulsarBus, readConfig } from '@pharos/service';
import { createLogger } from '@pharos/telemetry';
import type { ParsedOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Resolves to the exit status. @throws ConfigError, BusError, AdminError */
export async function provision(options: ParsedOptions, terminal: Terminal): Promise<number> {
  const configFile = options.text('config');
  const { env } = terminal;
  const config = readConfig(edgeConfigSchema(edgePreset), configFile === undefined ? { env } : { configFile, env });
  const isDryRun = options.isSet('dry-run');
  // What it would say stands in the report.
  const logger = createLogger({ name: 'provision', level: 'silent' });
  const bus = pulsarBus(config.pulsar, newIdentity('pharos-provision'), logger);
  const provisioning = new ProvisioningBus(bus, adminOf(config), isDryRun);
  try {
    const { without_namespace: open, namespaces } = config.channel;
    const found = await Namespaces.open(provisioning, open, namespaces, { lifecycle: true });
    for (const spec of controlTopics(config.control)) await provisioning.openLog(spec);
    for (const log of isDryRun ? [] : found.logs) {
      if (found.withHistory(log).length > 0 && provisioning.hasMade(log.topic)) await makeSubscription(log.topic, bus);
    }
  } finally {
    await bus.close();
  }
  terminal.stdout.write(`${provisioning.report.join('\n')}\n`);
  const isWhole = provisioning.isComplete && (provisioning.lacks === 0 || !options.isSet('strict'));
  return isWhole ? 0 : 1;
}

function adminOf({ pulsar }: EdgeConfig): PulsarAdmin {
  const adminUrl = pulsar.admin_url ?? adminUrlOf(pulsar.url ?? '');
  return new PulsarAdmin({ ...accessFromTexts(pulsarAccessTexts(pulsar)), adminUrl });
}

/** From now on the log keeps for the history service what it hasn't read. */
async function makeSubscription(topic: string, bus: Bus): Promise<void> {
  const log = await bus.openLog({ topic });
  const group = await log.joinGroup(
    { group: groupName, member: 'pharos-provision' },
    { active: () => undefined, ended: () => undefined },
  );
  await group.close();
  await log.close();
}

/** Opens logs, which makes them, and writes down what it found; as a dry run it only looks. */
class ProvisioningBus implements Bus {
  readonly kind = 'pulsar';
  /** Of each topic what there is to say of it, in the order in which they were asked for. */
  readonly #report: (readonly string[])[] = [];
  /** Every topic has its epoch, or would be given one. */
  isComplete = true;
  /** What Pulsar lacks. */
  lacks = 0;
  readonly #bus: Bus;
  readonly #admin: PulsarAdmin;
  readonly #isDryRun: boolean;
  readonly #made = new Set<string>();

  constructor(bus: Bus, admin: PulsarAdmin, isDryRun: boolean) {
    this.#bus = bus;
    this.#admin = admin;
    this.#isDryRun = isDryRun;
  }

  get report(): string[] {
    return this.#report.flat();
  }

  hasMade(topic: string): boolean {
    return this.#made.has(topic);
  }

  async openLog(spec: LogSpec): Promise<Log> {
    const { full } = parseTopic(spec.topic);
    // Logs are opened at the same time: whichever is done first, its place is its own.
    const place = this.#report.push([]) - 1;
    const partitions = await this.#admin.getPartitions(full);
    if (partitions === undefined) this.#made.add(full);
    if (this.#isDryRun) return this.#look(place, spec, full, partitions);
    const log = await this.#bus.openLog(spec);
    const { lanes, epoch, limitations } = log;
    const what = partitions === undefined ? 'made' : 'there';
    this.#say(
      place,
      `${full}: ${what}, ${lanesText(lanes)}, ${epoch === '' ? 'no epoch' : `epoch ${epoch}`}`,
      limitations,
    );
    if (epoch === '') this.isComplete = false;
    return log;
  }

  subscribeWork(): Promise<WorkSubscription> {
    throw new TypeError('nothing is subscribed to here');
  }

  close(): Promise<void> {
    return this.#bus.close();
  }

  #look(place: number, spec: LogSpec, topic: string, partitions: number | undefined): Log {
    const asked = spec.lanes ?? 1;
    const lanes = partitions === undefined ? asked : Math.max(1, partitions);
    const tooFew = asked > lanes ? [`${lanesText(asked)} were asked for; a log keeps the number it was made with`] : [];
    this.#say(
      place,
      `${topic}: ${partitions === undefined ? 'would be made' : 'is there'}, ${lanesText(lanes)}`,
      tooFew,
    );
    if (tooFew.length > 0) this.isComplete = false;
    const { local } = parseTopic(topic);
    // As many as were asked for: that there are fewer is in the report, which goes on.
    return { topic, lanes: Math.max(lanes, asked), defaultChannel: local, epoch: '', limitations: [], ...unopened };
  }

  #say(place: number, line: string, limitations: readonly string[]): void {
    this.lacks += limitations.length;
    this.#report[place] = [line, ...limitations.map((limitation) => `  lacking: ${limitation}`)];
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

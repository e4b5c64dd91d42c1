import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { BusError } from '../errors.ts';

/** Property of the topic that identifies its life; the random part of the epoch. */
export const epochProperty = 'pharos-epoch';

/** What opening a log asks of the admin API; its calls reject where the API can't be had. */
export interface TopicAdmin {
  /** How many partitions the topic has: 0 for a plain one, `undefined` where there is no such topic. */
  partitions(topic: string): Promise<number | undefined>;
  /** Makes the topic, plain where `partitions` is 0, with properties from its first moment; `false` where there is one. */
  createTopic(topic: string, partitions: number, properties: Readonly<Record<string, string>>): Promise<boolean>;
  /** `undefined` where there is no such topic. */
  properties(topic: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Adds properties to those that are there. */
  addProperties(topic: string, properties: Readonly<Record<string, string>>): Promise<void>;
}

export interface EnsuredTopic {
  /** 0 for a plain topic. */
  readonly partitions: number;
  /** `<random>.<lanes>` */
  readonly epoch: string;
}

// A topic that others create or delete at this moment settles within a few tries.
const maxTries = 5;
const retryMs = 100;

const candidatePrefix = `${epochProperty}-proposal-`;

// Edges that find the same topic without an epoch propose theirs within moments of looking.
const stableReads = 4;
const stableReadMs = 150;

const epochForm = /^[\w-]{1,64}$/;

/** Finds or makes the topic of a log, and its epoch. @throws BusError `lanes-mismatch`, `refused` and whatever `admin` throws */
export async function ensureTopic(admin: TopicAdmin, topic: string, lanes: number | undefined): Promise<EnsuredTopic> {
  for (let tries = 1; ; tries++) {
    const partitions = (await admin.partitions(topic)) ?? (await create(admin, topic, lanes ?? 1));
    if (partitions !== undefined) {
      mustHaveLanes(topic, partitions, lanes);
      const random = (await admin.properties(topic))?.[epochProperty] ?? (await agreeOnEpoch(admin, topic));
      mustBeEpoch(topic, random);
      return { partitions, epoch: `${random}.${Math.max(1, partitions)}` };
    }
    if (tries === maxTries) throw new BusError('refused', `'${topic}' is neither there nor can it be created`);
    await delay(retryMs);
  }
}

/** @throws BusError `refused` */
export function mustBeEpoch(topic: string, random: string): void {
  if (epochForm.test(random)) return;
  throw new BusError('refused', `the property ${epochProperty} of '${topic}' is '${random}', expected ${epochForm}`);
}

/** @throws BusError `lanes-mismatch` */
export function mustHaveLanes(topic: string, partitions: number, lanes: number | undefined): void {
  const existing = Math.max(1, partitions);
  if (lanes !== undefined && lanes > existing) {
    throw new BusError('lanes-mismatch', `'${topic}' has ${existing} lanes, ${lanes} were asked for`);
  }
}

/** The epoch that the topic has now, `undefined` where it has none or there is no such topic. */
export async function readEpoch(admin: TopicAdmin, topic: string, partitioned: boolean): Promise<string | undefined> {
  const random = (await admin.properties(topic))?.[epochProperty];
  if (random === undefined) return undefined;
  // A plain topic stays one; it isn't asked for, because that is a dear question.
  const partitions = partitioned ? ((await admin.partitions(topic)) ?? 0) : 0;
  return `${random}.${Math.max(1, partitions)}`;
}

async function create(admin: TopicAdmin, topic: string, lanes: number): Promise<number | undefined> {
  const partitions = lanes > 1 ? lanes : 0;
  const created = await admin.createTopic(topic, partitions, { [epochProperty]: newEpoch() });
  // Whoever lost the race takes what the winner made, epoch and all.
  return created ? partitions : undefined;
}

/**
 * Gives an existing topic its epoch. Whoever finds the epoch takes it at once, so it may only be written when it is
 * settled: the edges that find none propose one each, wait until no more proposals come, and all write the smallest.
 */
async function agreeOnEpoch(admin: TopicAdmin, topic: string): Promise<string> {
  await admin.addProperties(topic, { [candidatePrefix + newEpoch()]: 'proposed' });
  let proposals = '';
  for (let same = 0; same < stableReads; same++) {
    if (same > 0) await delay(stableReadMs);
    const properties = (await admin.properties(topic)) ?? {};
    const settled = properties[epochProperty];
    if (settled !== undefined) return settled;
    const read = Object.keys(properties)
      .filter((name) => name.startsWith(candidatePrefix))
      .sort()
      .join();
    if (read !== proposals) same = 0;
    proposals = read;
  }
  const smallest = proposals.split(',', 1)[0]?.slice(candidatePrefix.length) ?? '';
  await admin.addProperties(topic, { [epochProperty]: smallest });
  return (await admin.properties(topic))?.[epochProperty] ?? smallest;
}

function newEpoch(): string {
  return randomBytes(6).toString('hex');
}

import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { type ChannelTruth, type StreamVerdict, verifyStream } from '@pharos/testkit';

import {
  type ClientCommands,
  maxFaultsInFull,
  type OpenParams,
  type PresenceSummary,
  type StreamSummary,
} from './commands.ts';
import type { Endpoints } from './endpoints.ts';
import type { ClientRecord } from './record.ts';
import { StandstillWatch } from './standstill.ts';

/** A client of any make. */
export interface CrowdClient {
  readonly record: ClientRecord;
  /** Goes to the edge that it began with, by a new connection, unless it is there. */
  goHome(): void;
  close(): void;
}

/** Clients that are being opened at a time: a listener's queue holds 512. */
const maxOpening = 200;
const pollMs = 25;
const spreadTimeoutMs = 60_000;

/** All clients of one process, and what the process can be asked about them. */
export class Crowd<C extends CrowdClient = CrowdClient> {
  readonly #clients: C[] = [];
  readonly #make: (params: OpenParams, index: number) => C;
  readonly #endpoints: Endpoints;
  readonly #standstills = new StandstillWatch();

  constructor(endpoints: Endpoints, make: (params: OpenParams, index: number) => C) {
    this.#endpoints = endpoints;
    this.#make = make;
  }

  get clients(): readonly C[] {
    return this.#clients;
  }

  readonly commands: ClientCommands = {
    open: (params) => this.#open(params),
    behind: ({ newest, timeoutMs }) => this.#behind(newest, timeoutMs),
    verify: ({ truths, complete }) => this.#verify(truths, complete),
    presence: () => this.#presence(),
    spread: () => this.#spread(),
    close: () => this.#close(),
  };

  async #open(params: OpenParams): Promise<void> {
    this.#endpoints.set(params.endpoints);
    const giveUpAt = Date.now() + params.timeoutMs;
    const opening = new Set<CrowdClient>();
    for (let next = 0; next < params.clients.length || opening.size > 0; ) {
      for (const client of opening) if (isSubscribed(client)) opening.delete(client);
      while (opening.size < maxOpening && next < params.clients.length) {
        const client = this.#make(params, next++);
        this.#clients.push(client);
        opening.add(client);
      }
      if (Date.now() > giveUpAt)
        throw new Error(`${opening.size} clients were not subscribed in ${params.timeoutMs} ms`);
      await delay(pollMs);
    }
  }

  async #behind(newest: Readonly<Record<string, number>>, timeoutMs: number): Promise<string[]> {
    const giveUpAt = Date.now() + timeoutMs;
    let left = this.#clients.flatMap(({ record }) => [...record.channels].map((channel) => ({ record, channel })));
    for (;;) {
      left = left.filter(({ record, channel }) => !isThrough(record, channel, newest[channel] ?? 0));
      if (left.length === 0 || Date.now() > giveUpAt) break;
      await delay(pollMs);
    }
    return left.map(({ record, channel }) => `${record.name} in '${channel}' at ${record.position(channel)}`);
  }

  async #verify(truths: readonly ChannelTruth[], complete: boolean): Promise<StreamSummary> {
    const byChannel = new Map(truths.map((truth) => [truth.channel, truth]));
    const verdicts: StreamVerdict[] = [];
    for (const { record } of this.#clients) {
      for (const stream of record.streams()) {
        const truth = byChannel.get(stream.channel);
        // Of a channel that isn't asked about nothing is known: ephemeral ones are left out so.
        if (truth !== undefined) verdicts.push(verifyStream(stream, truth, { complete }));
      }
      // All of them at once take so long on a busy machine that clients miss pings, and are cut off.
      await nextTurn();
    }
    const faults = verdicts.flatMap((verdict) => verdict.faults);
    const sum = (of: (verdict: (typeof verdicts)[number]) => number): number =>
      verdicts.reduce((total, verdict) => total + of(verdict), 0);
    return {
      faults: faults.slice(0, maxFaultsInFull),
      faultCount: faults.length,
      streams: verdicts.length,
      publications: sum(({ publications }) => publications),
      recovered: sum(({ recovered }) => recovered),
      told: sum(({ told }) => told),
      toldPublications: sum(({ toldPublications }) => toldPublications),
    };
  }

  async #spread(): Promise<void> {
    const giveUpAt = Date.now() + spreadTimeoutMs;
    for (const client of this.#clients) client.goHome();
    while (!this.#clients.every(isSubscribed)) {
      if (Date.now() > giveUpAt) throw new Error(`not everybody was subscribed in ${spreadTimeoutMs} ms`);
      await delay(pollMs);
    }
  }

  #presence(): PresenceSummary {
    return {
      members: this.#clients.flatMap(({ record }) => record.members()),
      logs: this.#clients.flatMap(({ record }) => record.presenceLogs()),
      standstills: this.#standstills.stretches,
    };
  }

  #close(): Promise<void> {
    for (const client of this.#clients) client.close();
    return Promise.resolve();
  }
}

function isSubscribed({ record }: CrowdClient): boolean {
  return [...record.channels].every((channel) => record.isSubscribed(channel));
}

function isThrough(record: ClientRecord, channel: string, newest: number): boolean {
  return record.isSubscribed(channel) && record.position(channel) >= newest;
}

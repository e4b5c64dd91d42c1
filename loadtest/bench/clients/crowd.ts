import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelTruth, verifyStream } from '@pharos/testkit';

import { percentile } from '../frame/statistics.ts';
import {
  type ClientCommands,
  type CutSummary,
  maxFaultsInFull,
  type OpenParams,
  type PresenceSummary,
  type StreamSummary,
} from './commands.ts';
import type { Endpoints } from './endpoints.ts';
import type { ClientRecord } from './record.ts';

/** A client of any make. */
export interface CrowdClient {
  readonly record: ClientRecord;
  /** Ends its connection without a word; it comes back. */
  cut(): void;
  close(): void;
}

/** Clients that are being opened at a time: a listener's queue holds 512. */
const maxOpening = 200;
const pollMs = 25;
/** Ten thousand clients on a busy machine. */
const cutTimeoutMs = 120_000;

/** All clients of one process, and what the process can be asked about them. */
export class Crowd {
  readonly #clients: CrowdClient[] = [];
  readonly #make: (params: OpenParams, index: number) => CrowdClient;
  readonly #endpoints: Endpoints;

  constructor(endpoints: Endpoints, make: (params: OpenParams, index: number) => CrowdClient) {
    this.#endpoints = endpoints;
    this.#make = make;
  }

  readonly commands: ClientCommands = {
    open: (params) => this.#open(params),
    behind: ({ newest, timeoutMs }) => this.#behind(newest, timeoutMs),
    verify: ({ truths, complete }) => this.#verify(truths, complete),
    presence: () => this.#presence(),
    cut: ({ endpoints }) => this.#cut(endpoints),
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

  #verify(truths: readonly ChannelTruth[], complete: boolean): StreamSummary {
    const byChannel = new Map(truths.map((truth) => [truth.channel, truth]));
    const verdicts = this.#clients.flatMap(({ record }) =>
      record.streams().flatMap((stream) => {
        const truth = byChannel.get(stream.channel);
        // Of a channel that isn't asked about nothing is known: ephemeral ones are left out so.
        return truth === undefined ? [] : [verifyStream(stream, truth, { complete })];
      }),
    );
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

  #presence(): PresenceSummary {
    return {
      members: this.#clients.flatMap(({ record }) => record.members()),
      logs: this.#clients.flatMap(({ record }) => record.presenceLogs()),
    };
  }

  async #cut(endpoints: readonly string[] | undefined): Promise<CutSummary> {
    if (endpoints !== undefined) this.#endpoints.set(endpoints);
    const before = this.#clients.map((client) => ({
      client,
      from: eventCounts(client),
      answers: answerCounts(client),
    }));
    const startMs = Date.now();
    for (const client of this.#clients) client.cut();
    const left = new Set(before);
    while (left.size > 0) {
      for (const one of left)
        if (answerCounts(one.client).every((count, at) => count > (one.answers[at] ?? 0))) left.delete(one);
      if (Date.now() - startMs > cutTimeoutMs)
        throw new Error(`${left.size} clients were not back in ${cutTimeoutMs} ms`);
      await delay(pollMs);
    }
    const answers = before.flatMap(({ client, from }) =>
      client.record.streams().flatMap(({ events }, stream) => {
        const since = events.slice(from[stream] ?? 0);
        return since.flatMap((event) => (event.kind === 'subscribed' ? [event] : []));
      }),
    );
    const times = answers.map(({ atMs }) => atMs - startMs);
    return {
      clients: this.#clients.length,
      p50Ms: percentile(times, 50),
      p99Ms: percentile(times, 99),
      maxMs: percentile(times, 100),
      recovered: answers.filter(({ wasRecovering, recovered }) => wasRecovering && recovered).length,
      notRecovered: answers.filter(({ wasRecovering, recovered }) => wasRecovering && !recovered).length,
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

function answerCounts({ record }: CrowdClient): number[] {
  return [...record.channels].map((channel) => record.answers(channel));
}

function eventCounts({ record }: CrowdClient): number[] {
  return record.streams().map(({ events }) => events.length);
}

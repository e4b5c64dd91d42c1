import { setTimeout as delay } from 'node:timers/promises';
import { type Disturbance, type Fault, type PresenceAnswer, verifyPresence } from '@pharos/testkit';

import type { Stretch } from '../clients/standstill.ts';
import type { Fleet } from './fleet.ts';
import type { Rig } from './rig.ts';

const everyMs = 1_000;
/** What a busy machine may add to each bound. */
const slackMs = 5_000;
/** How long what a disturbance did may be seen after it: a node that comes back writes all of its members again. */
const afterMathMs = 5_000;

/** Asks living edges for the presence of all channels as long as a run goes on, and judges it at its end. */
export class PresenceWatch {
  readonly #rig: Rig;
  readonly #fleet: Fleet;
  readonly #channels: readonly string[];
  readonly #answers: PresenceAnswer[] = [];
  readonly #refusals: { readonly atMs: number; readonly code: number }[] = [];
  readonly #disturbances: Disturbance[] = [];
  readonly #standstills: Stretch[] = [];
  #stopped = false;
  #loop: Promise<void> | undefined;

  constructor(rig: Rig, fleet: Fleet, channels: readonly string[]) {
    this.#rig = rig;
    this.#fleet = fleet;
    this.#channels = channels;
  }

  get answers(): number {
    return this.#answers.length;
  }

  /** How long clients stood still, so that nothing is to be learnt from them; known when it was verified. */
  get standstillMs(): number {
    return this.#standstills.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  }

  /** Codes of the errors that presence was answered with in a time. */
  refusalsIn(fromMs: number, toMs: number): number[] {
    return this.#refusals.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs).map(({ code }) => code);
  }

  start(): void {
    this.#loop = this.#keepAsking();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Something that the store can't be blamed for. What it did may be seen a little longer. */
  disturbed(disturbance: Disturbance): void {
    this.#disturbances.push({ ...disturbance, toMs: disturbance.toMs + afterMathMs });
  }

  /** Waits until all leaves are due, asks no more, and holds everything against who really was there. */
  async verify(): Promise<Fault[]> {
    const { leaseMs } = this.#rig;
    // The reaper looks twice, a lease apart, after the lease has run out.
    const limits = { ghostMs: leaseMs + slackMs, leaveMs: 3 * leaseMs + slackMs, settleMs: slackMs };
    await delay(limits.leaveMs);
    this.stop();
    await this.#loop;
    const { members, logs, standstills } = await this.#fleet.presence();
    this.#standstills.push(...standstills);
    for (const { fromMs, toMs } of standstills) this.disturbed({ fromMs, toMs, mayReap: true });
    for (const node of this.#rig.of('edge')) {
      for (const { what, fromMs, toMs } of node.faults) {
        if (what === 'frozen') this.disturbed({ fromMs, toMs, of: (one) => one.node === node.url, mayReap: true });
      }
    }
    // It saw everything, whoever was away.
    const all = [...(await this.#rig.readLifecycle()), ...logs];
    const run = { members, logs: all, answers: this.#answers, disturbances: this.#disturbances, endMs: Date.now() };
    return verifyPresence(run, limits);
  }

  async #keepAsking(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      await delay(everyMs);
      const living = this.#rig.of('edge').filter((edge) => edge.isRunning && !edge.isFrozen);
      const edge = living[turn % Math.max(1, living.length)];
      if (edge === undefined) continue;
      // An edge that dies while it is asked answers nothing: the next one is asked next.
      const replies = await this.#fleet.sdk
        .call('askPresence', { endpoint: edge.url, channels: this.#channels })
        .catch(() => []);
      for (const reply of replies) {
        if ('answer' in reply) this.#answers.push(reply.answer);
        else this.#refusals.push({ atMs: Date.now(), code: reply.code });
      }
    }
  }
}

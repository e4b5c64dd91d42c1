import { encodeNamespaces, has } from '../namespaces.ts';
import type { Batch, LaneState, NewEntry, Question, Recovery, StoredLane, StoreLimits, WriteOutcome } from '../port.ts';
import { MemoryChannel } from './memory-channel.ts';

/** One lane: what a script of the Redis adapter does in one go, a method does here. */
export class MemoryLane {
  readonly channels: Map<string, MemoryChannel> = new Map();
  #watermark: number;
  #floor: number;
  /** No channel is to be forgotten before. */
  #dueAtMs = Infinity;
  /** Of the message at the watermark. */
  #position: string | undefined;
  namespaces: readonly string[] | undefined;

  constructor(floor: number, namespaces: readonly string[] | undefined) {
    this.namespaces = namespaces;
    this.#watermark = floor;
    this.#floor = floor;
  }

  get state(): LaneState {
    return { watermark: this.#watermark, floor: this.#floor };
  }

  get stored(): StoredLane {
    return {
      ...this.state,
      ...(this.#position === undefined ? {} : { position: this.#position }),
      ...(this.namespaces === undefined ? {} : { namespaces: this.namespaces }),
    };
  }

  append(batch: Batch, nowMs: number): WriteOutcome {
    const { before, after } = batch.namespaces ?? {};
    const isMine = before === undefined || encodeNamespaces(before) === encodeNamespaces(this.namespaces);
    if (batch.previous !== this.#watermark || !isMine) return { written: false, watermark: this.#watermark };
    this.namespaces = after ?? this.namespaces;
    // Each channel is only looked at when one of them is due: a batch must not cost what all of them do.
    if (nowMs >= this.#dueAtMs) this.tidy(nowMs);
    const fresh = batch.entries.filter((entry) => entry.offset > batch.previous);
    const limits = new Map<string, StoreLimits>();
    for (const entry of fresh) {
      if (entry.kind === 'publication') limits.set(entry.channel, entry.limits);
      this.#write(entry, nowMs);
    }
    for (const [channel, of] of limits) this.channels.get(channel)?.trim(of, nowMs);
    if (batch.watermark > this.#watermark) this.#position = batch.position;
    else if (batch.watermark === this.#watermark) this.#position = batch.position ?? this.#position;
    this.#watermark = Math.max(this.#watermark, batch.watermark);
    this.#floor = Math.max(this.#floor, batch.floor ?? 0);
    return { written: true, duplicates: batch.entries.length - fresh.length, ...this.state };
  }

  tidy(nowMs: number): void {
    this.#dueAtMs = Infinity;
    for (const [name, channel] of this.channels) {
      channel.expire();
      if (channel.forgottenAtMs > nowMs) {
        this.#dueAtMs = Math.min(this.#dueAtMs, channel.forgottenAtMs);
        continue;
      }
      this.#floor = Math.max(this.#floor, channel.top);
      this.channels.delete(name);
      if (channel.removed > 0) this.#channel(name).remove(channel.removed);
    }
  }

  recover(question: Question, nowMs: number): Recovery {
    if (!has(this.namespaces, question.namespace)) return { ...this.state, recovered: false, reason: 'no-lane' };
    if (question.offset < this.#floor) return { ...this.state, recovered: false, reason: 'floor' };
    const missed = this.channels.get(question.channel)?.missed(question, nowMs) ?? [];
    return typeof missed === 'string'
      ? { ...this.state, recovered: false, reason: missed }
      : { ...this.state, recovered: true, publications: missed };
  }

  #write(entry: NewEntry, nowMs: number): void {
    if (entry.kind === 'remove') {
      this.#channel(entry.channel).remove(entry.offset);
      return;
    }
    const channel = this.#channel(entry.channel);
    const { offset, timeMs, data, properties } = entry;
    // The caller may use its buffer again.
    const stored = { offset, timeMs, data: Buffer.from(data), properties: new Map(properties) };
    channel.add(stored, entry.limits, nowMs);
    this.#dueAtMs = Math.min(this.#dueAtMs, channel.forgottenAtMs);
  }

  #channel(name: string): MemoryChannel {
    const channel = this.channels.get(name) ?? new MemoryChannel();
    this.channels.set(name, channel);
    return channel;
  }
}

import type { MemberRecord, PresenceEvent, PresenceLog, StreamEvent, StreamLog } from '@pharos/testkit';

/** What an answer to a subscribe said. */
export interface SubscribedAnswer {
  readonly offset: number | undefined;
  readonly epoch: string;
  readonly recoverable: boolean;
  readonly wasRecovering: boolean;
  readonly recovered: boolean;
}

interface ChannelRecord {
  readonly events: StreamEvent[];
  readonly presence: PresenceEvent[];
  isSubscribed: boolean;
  /** How often a subscribe was answered. */
  answers: number;
  /** Offset of the newest publication, or of the position that was answered. */
  position: number;
  /** The connection that stands. */
  member: MemberRecord | undefined;
  readonly members: MemberRecord[];
}

/** What one client writes down, for the checker. */
export class ClientRecord {
  readonly name: string;
  readonly #channels = new Map<string, ChannelRecord>();

  constructor(name: string, channels: readonly string[]) {
    this.name = name;
    for (const channel of channels) {
      this.#channels.set(channel, {
        events: [],
        presence: [],
        isSubscribed: false,
        answers: 0,
        position: 0,
        member: undefined,
        members: [],
      });
    }
  }

  get channels(): Iterable<string> {
    return this.#channels.keys();
  }

  isSubscribed(channel: string): boolean {
    return this.#of(channel).isSubscribed;
  }

  answers(channel: string): number {
    return this.#of(channel).answers;
  }

  position(channel: string): number {
    return this.#of(channel).position;
  }

  /** @param member the id that the server gave to the connection @param node the edge that it is to */
  subscribed(channel: string, member: string, node: string, answer: SubscribedAnswer): void {
    const record = this.#of(channel);
    const atMs = Date.now();
    record.events.push({ kind: 'subscribed', atMs, ...answer });
    record.presence.push({ kind: 'watching', atMs, self: member });
    record.isSubscribed = true;
    record.answers++;
    // Where it was recovered, what follows the former position comes now.
    if (!(answer.wasRecovering && answer.recovered)) record.position = answer.offset ?? 0;
    record.member = { member, channel, fromMs: atMs, toMs: undefined, node };
  }

  publication(channel: string, offset: number, message: string): void {
    const record = this.#of(channel);
    record.events.push({ kind: 'publication', atMs: Date.now(), offset, message });
    record.position = Math.max(record.position, offset);
  }

  joinOrLeave(channel: string, kind: 'join' | 'leave', member: string): void {
    this.#of(channel).presence.push({ kind, atMs: Date.now(), member });
  }

  unsubscribed(channel: string, code: number): void {
    this.#end(channel, { kind: 'unsubscribed', atMs: Date.now(), code });
  }

  refused(channel: string, code: number): void {
    this.#of(channel).events.push({ kind: 'refused', atMs: Date.now(), code });
  }

  disconnected(code: number): void {
    for (const channel of this.#channels.keys()) this.#end(channel, { kind: 'disconnected', atMs: Date.now(), code });
  }

  left(): void {
    for (const channel of this.#channels.keys()) this.#end(channel, { kind: 'left', atMs: Date.now() });
  }

  streams(): StreamLog[] {
    return [...this.#channels].map(([channel, { events }]) => ({ client: this.name, channel, events }));
  }

  presenceLogs(): PresenceLog[] {
    return [...this.#channels].map(([channel, { presence }]) => ({ client: this.name, channel, events: presence }));
  }

  members(): MemberRecord[] {
    return [...this.#channels.values()].flatMap(({ members, member }) =>
      member === undefined ? members : [...members, member],
    );
  }

  #end(channel: string, event: StreamEvent): void {
    const record = this.#of(channel);
    const { events, presence, members, member, isSubscribed } = record;
    events.push(event);
    if (isSubscribed) presence.push({ kind: 'blind', atMs: event.atMs });
    if (member !== undefined) members.push({ ...member, toMs: event.atMs });
    record.member = undefined;
    record.isSubscribed = false;
  }

  #of(channel: string): ChannelRecord {
    const record = this.#channels.get(channel);
    if (record === undefined) throw new RangeError(`${this.name} has no channel '${channel}'`);
    return record;
  }
}

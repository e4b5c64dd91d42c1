import { BusError } from '../errors.ts';
import type { GroupHandler, GroupSpec, LaneGroup } from '../port.ts';
import type { GroupMember, MemoryGroup } from './memory-group.ts';

export interface MembershipParts {
  readonly group: MemoryGroup;
  readonly lanes: number;
  readonly spec: GroupSpec;
  readonly handler: GroupHandler;
  readonly onClose: (membership: MemoryMembership) => void;
}

/** One member of a group of the memory broker. */
export class MemoryMembership implements LaneGroup, GroupMember {
  readonly #parts: MembershipParts;
  readonly #active = new Set<number>();
  #closed = false;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    parts.group.join(this);
  }

  async ackThrough(lane: number, position: string): Promise<void> {
    this.#mustBeOpen();
    this.#parts.group.ackThrough(lane, Number(position));
  }

  async acknowledged(lane: number): Promise<(position: string) => boolean> {
    this.#mustBeOpen();
    const through = this.#parts.group.acknowledged(lane);
    return (position) => Number(position) <= through;
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    this.#parts.group.leave(this);
    this.#parts.onClose(this);
    return Promise.resolve();
  }

  assign(active: (lane: number) => boolean): void {
    for (let lane = 0; lane < this.#parts.lanes; lane++) {
      const now = active(lane);
      if (now === this.#active.has(lane)) continue;
      if (now) this.#active.add(lane);
      else this.#active.delete(lane);
      this.#tell((handler) => handler.active(lane, now));
    }
  }

  ended(error: BusError): void {
    this.#tell((handler) => {
      this.#closed = true;
      this.#parts.onClose(this);
      handler.ended(error);
    });
  }

  /** In a later turn, as news come from elsewhere. */
  #tell(news: (handler: GroupHandler) => void): void {
    setImmediate(() => {
      if (!this.#closed) news(this.#parts.handler);
    });
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new BusError('closed', `the membership in '${this.#parts.spec.group}' was ended`);
  }
}

import type { Encoding } from '@pharos/client-protocol';
import type { Socket } from '@pharos/socket-server';

import type { TagFilter } from './tag-filter.ts';

/** What a subscriber's publications are written in. */
export type Variant = Encoding | 'text';

/** How a subscriber wants a channel's publications, beyond their encoding. */
export interface Shape {
  /** Pushes carry the channel's number in place of its name. */
  readonly compact: boolean;
  /** A publication may come as its difference to the one before it. */
  readonly delta: boolean;
  /** Only those that it lets through are wanted. */
  readonly filter: TagFilter | undefined;
}

export const plainShape: Shape = { compact: false, delta: false, filter: undefined };

/** What a session shows to the outbound side. */
export interface Subscriber {
  readonly variant: Variant;
  readonly socket: Socket<unknown>;
  /** More is buffered for the socket than it may hold: end it. */
  disconnectSlow(): void;
  /** Publications of the channel were lost and can't be had again: a positioned subscriber must know. */
  insufficientState(channel: string): void;
}

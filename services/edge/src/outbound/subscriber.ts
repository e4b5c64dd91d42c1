import type { Encoding } from '@pharos/client-protocol';
import type { Socket } from '@pharos/socket-server';

/** How a subscriber wants its publications: each is a variant with a native topic of its own. */
export type Variant = Encoding | 'text';

/** What a session shows to the outbound side. */
export interface Subscriber {
  readonly variant: Variant;
  readonly socket: Socket<unknown>;
  /** More is buffered for the socket than it may hold: end it. */
  disconnectSlow(): void;
  /** Publications of the channel were lost and can't be had again: a positioned subscriber must know. */
  insufficientState(channel: string): void;
}

import type { ClientInfo } from './client-info.ts';
import type { RawData } from './raw-data.ts';

export interface Publication {
  readonly data: RawData;
  readonly info?: ClientInfo | undefined;
  /** Position in the channel's log; 0 or missing: none. */
  readonly offset?: number | undefined;
  readonly tags?: ReadonlyMap<string, string> | undefined;
  /** `data` is a delta against the channel's previous publication. */
  readonly delta?: boolean | undefined;
  /** Milliseconds since 1970; 0 or missing: unknown. */
  readonly timeMs?: number | undefined;
  /** Only where it differs from the channel of the message around it. */
  readonly channel?: string | undefined;
}

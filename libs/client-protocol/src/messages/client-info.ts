import type { RawData } from './raw-data.ts';

/** Who published, joined, left or is present. */
export interface ClientInfo {
  /** Empty: anonymous. */
  readonly user: string;
  /** Id of the connection. */
  readonly client: string;
  readonly connInfo?: RawData | undefined;
  readonly chanInfo?: RawData | undefined;
}

import type { RawData } from './raw-data.ts';

export interface PublishRequest {
  readonly channel: string;
  /** Zero bytes: the client sent none, which is no valid publication. */
  readonly data: RawData;
}

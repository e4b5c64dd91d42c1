import type { Publication } from './publication.ts';

export interface StreamPosition {
  readonly offset: number;
  readonly epoch: string;
}

export interface HistoryRequest {
  readonly channel: string;
  /** How many publications at most; 0: only the position; negative: as many as the server allows. */
  readonly limit: number;
  /** Publications after it (before it with `reverse`); missing: from the beginning (the end). */
  readonly since: StreamPosition | undefined;
  readonly reverse: boolean;
}

export interface HistoryResult {
  readonly publications?: readonly Publication[] | undefined;
  readonly epoch?: string | undefined;
  readonly offset?: number | undefined;
}

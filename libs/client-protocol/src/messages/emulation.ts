import type { RawData } from './raw-data.ts';

/** Commands of a client whose connection carries only what the server sends. */
export interface EmulationRequest {
  /** Where the session is, and which it is: from the connect result. */
  readonly node: string;
  readonly session: string;
  /** A frame of commands, as it would come over a connection that carries both ways. */
  readonly data: RawData;
}

import type { RawData } from './raw-data.ts';

export interface RpcRequest {
  readonly data: RawData | undefined;
  readonly method: string;
}

export interface RpcResult {
  readonly data?: RawData | undefined;
}

/** A message to the application without an answer. */
export interface SendRequest {
  readonly data: RawData | undefined;
}

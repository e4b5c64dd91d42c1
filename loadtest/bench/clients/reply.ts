/** A reply or push of the protocol in JSON, as far as load and chaos read it. */
export interface Reply {
  readonly id?: number;
  readonly error?: { readonly code: number };
  readonly connect?: { readonly client: string };
  readonly subscribe?: SubscribeReply;
  readonly push?: Push;
  readonly [method: string]: unknown;
}

export interface SubscribeReply {
  readonly offset?: number;
  readonly epoch?: string;
  readonly recoverable?: boolean;
  readonly was_recovering?: boolean;
  readonly recovered?: boolean;
  readonly publications?: readonly Publication[];
}

export interface Publication {
  readonly offset?: number;
  readonly data: unknown;
}

export interface Push {
  readonly channel: string;
  readonly pub?: Publication;
  readonly join?: { readonly info: { readonly client: string } };
  readonly leave?: { readonly info: { readonly client: string } };
  readonly unsubscribe?: { readonly code: number };
}

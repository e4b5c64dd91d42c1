import type { Namespace, Namespaces } from '@pharos/channels';
import { mayBeCalled } from '@pharos/channels';
import { errorCodes } from '@pharos/client-protocol';
import type { HistoryStore } from '@pharos/history';
import type { PresenceStore } from '@pharos/presence';
import type { Proxies } from '@pharos/proxies';
import type { Logger, Tracing } from '@pharos/telemetry';

import { ApiError, badRequest } from '../api-error.ts';
import type { ControlPlane } from '../control/control-plane.ts';
import type { KeyedPublishes } from '../idempotency/keyed-publishes.ts';
import type { LaneWatches } from '../lanes/lane-watches.ts';
import type { ApiMetrics } from '../metrics.ts';
import type { FieldSpecs, Params } from '../params.ts';
import type { Scope } from '../keys.ts';

/** What all commands share. */
export interface ApiContext {
  readonly namespaces: Namespaces;
  readonly watches: LaneWatches;
  /** Without a store there is none of what needs it. */
  readonly history: HistoryStore | undefined;
  readonly presence: PresenceStore | undefined;
  /** Connections of all edges. */
  readonly control: ControlPlane;
  readonly keyed: KeyedPublishes | undefined;
  /** The application's backend, for its methods. */
  readonly proxies: Proxies;
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  readonly tracing: Tracing | undefined;
  readonly publishTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly maxMembers: number;
}

/** A value of a result, as JSON text. */
export type Json = string;

/** One method of the API: what it takes, what it does, and how the OpenAPI document tells of it. */
export interface Method {
  readonly name: string;
  readonly scope: Scope;
  readonly summary: string;
  readonly fields: FieldSpecs;
  /** JSON Schema of the result. */
  readonly result: JsonSchema;
  /** @returns the result, a JSON object. @throws ApiError, and the errors of bus and stores */
  run(params: Params, context: ApiContext): Promise<Json>;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** @throws ApiError */
export function namespaceOf({ namespaces }: ApiContext, channel: string): Namespace {
  const namespace = namespaces.find(channel);
  if (namespace === undefined) throw new ApiError(errorCodes.unknownChannel, 'its namespace is not configured');
  if (!mayBeCalled(namespace, channel)) throw badRequest('channel: no channel can be called so');
  return namespace;
}

export const emptyResult: Json = '{}';
export const emptySchema: JsonSchema = { type: 'object', additionalProperties: false };

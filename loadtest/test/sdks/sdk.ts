import type { JsonWorker } from '@pharos/testkit';

/** How a client speaks to an edge. */
export interface Wire {
  readonly transport: 'websocket' | 'http_stream' | 'sse';
  readonly encoding: 'json' | 'protobuf';
}

/** What an answer to a subscribe said. */
export interface Subscribed {
  readonly recoverable: boolean;
  readonly positioned: boolean;
  readonly wasRecovering: boolean;
  readonly recovered: boolean;
}

export interface Received {
  readonly offset: number;
  readonly data: unknown;
}

/** What a test asks of an SDK, whatever its language; clients have names. */
export type SdkCommands = {
  /** Connects, with tokens that it fetches from `tokenUrl` at first and whenever the SDK wants one; resolves when it is connected. */
  open(params: {
    readonly client: string;
    /** Of the transport. */
    readonly url: string;
    /** Where commands are posted to, where the transport brings none. */
    readonly emulationUrl: string;
    readonly transport: Wire['transport'];
    readonly encoding: Wire['encoding'];
    readonly tokenUrl: string;
  }): null;
  /** A recoverable subscription; resolves when it stands. where its tokens come from, where it needs them */
  subscribe(params: { readonly client: string; readonly channel: string; readonly tokenUrl?: string }): Subscribed;
  publish(params: { readonly client: string; readonly channel: string; readonly data: unknown }): null;
  /** Calls a method of the application; resolves with its answer. */
  rpc(params: { readonly client: string; readonly method: string; readonly data: unknown }): unknown;
  presence(params: {
    readonly client: string;
    readonly channel: string;
  }): { readonly client: string; readonly user: string }[];
  presenceStats(params: { readonly client: string; readonly channel: string }): {
    readonly clients: number;
    readonly users: number;
  };
  history(params: {
    readonly client: string;
    readonly channel: string;
    readonly limit: number;
    readonly reverse: boolean;
  }): { readonly offset: number; readonly publications: Received[] };
  /** Resolves with everything that came, once that is `count` publications at least. */
  publications(params: { readonly client: string; readonly channel: string; readonly count: number }): Received[];
  /** Resolves with all answers to its subscribes, once there are `count` at least. */
  answers(params: { readonly client: string; readonly channel: string; readonly count: number }): Subscribed[];
  /** The ids that its connections had, newest last. */
  ids(params: { readonly client: string }): string[];
  close(params: { readonly client: string }): null;
};

/** Something that takes these commands: the worker of another language, or a driver in this process. */
export type SdkDriver = Pick<JsonWorker<SdkCommands>, 'call' | 'stop'>;

/** An official SDK. */
export interface Sdk {
  readonly name: string;
  /** Why its tests are skipped; false where they run. */
  readonly skip: string | false;
  readonly wires: readonly Wire[];
  readonly start: () => Promise<SdkDriver>;
}

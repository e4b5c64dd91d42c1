// The official clients of other languages, each in a process of its own that does what a test asks for.
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type JsonWorker, sharedPulsar, startJavaWorker, startPythonWorker, unavailable } from '@pharos/testkit';
import type { CompressionType } from '../../src/producer/producer-config.ts';

/** A message to be published. Bytes are base64. */
export interface PeerMessage {
  /** Null: no value, which is not the same as an empty one. */
  readonly data: string | null;
  readonly key?: string;
  /** Java only. */
  readonly keyBytes?: string;
  readonly orderingKey?: string;
  readonly properties?: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly eventTimestamp?: number;
}

/** A message as a peer received it; what it doesn't have is '' or 0. */
export interface SeenMessage extends Required<Omit<PeerMessage, 'keyBytes'>> {
  readonly producerName: string;
  /** Serialized, in base64. */
  readonly id: string;
}

export interface ProduceParams {
  readonly topic: string;
  readonly messages: readonly PeerMessage[];
  readonly compression: CompressionType;
  /** The most messages of a batch; 0: no batches. */
  readonly batchSize: number;
  /** Longer messages are cut; by Java into pieces of this size, by Python into those of the broker's greatest size. */
  readonly chunkBytes?: number;
  /** How keys become partitions. @default the client's own */
  readonly hashing?: PeerHashing;
}

export type PeerHashing = 'JavaStringHash' | 'Murmur3_32Hash';

export type PeerCommands = {
  open(params: { readonly serviceUrl: string }): null;
  /** Ids, serialized, in base64. */
  produce(params: ProduceParams): string[];
  /** By a reader, from the beginning where no id says otherwise. */
  read(params: {
    readonly topic: string;
    readonly count: number;
    readonly start?: string;
    readonly inclusive: boolean;
  }): SeenMessage[];
  /** By a durable subscription, which begins at the first message; acknowledges what it receives. */
  consume(params: {
    readonly topic: string;
    readonly subscription: string;
    readonly count: number;
    readonly seek?: string;
  }): SeenMessage[];
  /** Java only: adds a consumer of that name to a Shared subscription. */
  join(params: { readonly topic: string; readonly subscription: string; readonly name: string }): null;
  /** Java only: the next messages of one that joined, which it acknowledges. */
  take(params: { readonly name: string; readonly count: number }): SeenMessage[];
  /** Java only. */
  leave(params: { readonly name: string }): null;
  /** Java only. */
  hashes(params: { readonly hashing: PeerHashing; readonly keys: readonly string[] }): number[];
};

/** One of the official clients. */
export interface Peer {
  readonly name: string;
  /** Why its tests are skipped; false where they run. */
  readonly skip: string | false;
  /** Starts the process the first time. It ends with the test file. */
  readonly start: () => Promise<JsonWorker<PeerCommands>>;
}

export const java: Peer = peer('Java', unavailable('pulsar') || unavailable('jdk'), () =>
  startJavaWorker(fileURLToPath(new URL('java/', import.meta.url)), 'Interop', { java: ['-Xmx512m'] }),
);

export const python: Peer = peer('Python', unavailable('pulsar') || unavailable('python'), () =>
  startPythonWorker(fileURLToPath(new URL('python/interop.py', import.meta.url))),
);

export const peers: readonly Peer[] = [java, python];

function peer(name: string, skip: string | false, startWorker: () => Promise<JsonWorker<PeerCommands>>): Peer {
  let started: Promise<JsonWorker<PeerCommands>> | undefined;
  const start = async (): Promise<JsonWorker<PeerCommands>> => {
    const { serviceUrl } = await sharedPulsar();
    const worker = await startWorker();
    await worker.call('open', { serviceUrl });
    return worker;
  };
  after(async () => {
    await (await started)?.stop();
  });
  return { name, skip, start: () => (started ??= start()) };
}

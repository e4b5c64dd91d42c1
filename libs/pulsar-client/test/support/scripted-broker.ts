// A broker that misbehaves on demand. It answers as a real one does unless a test replaces the answer to a command.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer, type PeerCertificate, type TlsOptions, TLSSocket } from 'node:tls';
import { ByteWriter } from '@pharos/bytes';
import { Collector } from '@pharos/testkit';
import {
  type CommandMap,
  type CommandName,
  encodeFrame,
  FrameParser,
  type KnownCommand,
  lookupResult,
  partitionedMetadataResult,
} from '../../src/wire/index.ts';

/** One frame that a client wrote. */
export interface Heard<Name extends CommandName = CommandName> {
  readonly type: Name;
  readonly command: CommandMap[Name];
  /** The frame as it came, sizes included. */
  readonly raw: Buffer;
  /** What followed the command. */
  readonly entry: Buffer | undefined;
  readonly peer: Peer;
}

/** The broker's end of one connection. */
export interface Peer {
  say(command: KnownCommand): void;
  /** Writes bytes as they are. */
  write(bytes: Uint8Array): void;
  /** Ends the connection without a word. */
  cut(): void;
  /** Of TLS: the host name that the client asked for. */
  readonly serverName: string | false | undefined;
  /** Of TLS: the common name of the client's certificate. */
  readonly clientName: string | undefined;
}

type Answer<Name extends CommandName> = (heard: Heard<Name>) => void;
type Answers = { [Name in CommandName]?: Answer<Name> };

export interface ScriptedBrokerOptions {
  /** @default 5242880 */
  readonly maxMessageSize?: number;
  /** Of every topic; 0: plain. @default 0 */
  readonly partitions?: number;
  /** Speaks TLS. @default false */
  readonly tls?: TlsOptions;
}

export class ScriptedBroker {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #heard = new Collector<Heard>();
  readonly #answers: Answers;
  readonly #secure: boolean;
  #port = 0;
  #nextEntry = 0n;

  private constructor(options: ScriptedBrokerOptions) {
    this.#answers = this.#usualAnswers(options);
    const { tls } = options;
    const accept = (socket: Socket): void => this.#accept(socket);
    this.#secure = tls !== undefined;
    this.#server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
    // A client that doesn't like what it sees hangs up.
    this.#server.on('tlsClientError', () => undefined);
  }

  static async start(options: ScriptedBrokerOptions = {}): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(options);
    await broker.listen();
    broker.#port = (broker.#server.address() as AddressInfo).port;
    return broker;
  }

  get serviceUrl(): string {
    return `pulsar${this.#secure ? '+ssl' : ''}://127.0.0.1:${this.#port}`;
  }

  /** Replaces the answer to a command. */
  on<Name extends CommandName>(name: Name, answer: Answer<Name>): void {
    (this.#answers as Record<string, unknown>)[name] = answer;
  }

  /** What came of one command so far. */
  heard<Name extends CommandName>(name: Name): Heard<Name>[] {
    return this.#heard.items.filter((heard): heard is Heard<Name> => heard.type === name);
  }

  /** Waits until a command came that often; gives the latest. */
  async hear<Name extends CommandName>(name: Name, count = 1): Promise<Heard<Name>> {
    await this.#heard.waitUntil(() => this.heard(name).length >= count, `${name} number ${count}`, 5000);
    return this.heard(name)[count - 1] as Heard<Name>;
  }

  /** The usual answer to SEND; entries are counted from 0 in ledger 7. */
  readonly receipt = ({ command, peer }: Heard<'send'>): void => {
    const { producerId, sequenceId, highestSequenceId } = command;
    const messageId = { ledgerId: 7n, entryId: this.#nextEntry++ };
    peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, highestSequenceId, messageId } });
  };

  /** The usual answer to PRODUCER. */
  readonly welcome = ({ command, peer }: Heard<'producer'>): void => {
    const { requestId, producerName = 'made-up' } = command;
    peer.say({ type: 'producerSuccess', command: { requestId, producerName, lastSequenceId: -1 } });
  };

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Refuses connections from now on, and ends those that are there. */
  async goAway(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cutAll();
    await closed;
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.goAway();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const writer = new ByteWriter();
    const peer: Peer = {
      say: (command) => {
        encodeFrame(writer.reset(), command);
        socket.write(writer.copy());
      },
      write: (bytes) => socket.write(bytes),
      cut: () => socket.destroy(),
      ...namesOf(socket),
    };
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const end = 4 + rest.readUInt32BE(0);
        this.#take(rest.subarray(0, end), peer);
        rest = rest.subarray(end);
      }
    });
    // A client that is cut off may reset the connection.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #take(raw: Buffer, peer: Peer): void {
    const parser = new FrameParser();
    parser.push(raw);
    const frame = parser.next();
    if (frame === undefined || frame.command.type === 'unknown') throw new Error('a client wrote half a frame');
    const heard = { ...frame.command, raw, entry: frame.entry, peer } as Heard;
    (this.#answers[heard.type] as Answer<CommandName> | undefined)?.(heard);
    this.#heard.add(heard);
  }

  #usualAnswers(options: ScriptedBrokerOptions): Answers {
    const { maxMessageSize = 5 * 1024 * 1024, partitions = 0 } = options;
    const connected = { serverVersion: 'scripted', protocolVersion: 21, maxMessageSize };
    return {
      connect: ({ peer }) => peer.say({ type: 'connected', command: connected }),
      ping: ({ peer }) => peer.say({ type: 'pong', command: {} }),
      partitionedMetadata: ({ command: { requestId }, peer }) => {
        const response = partitionedMetadataResult.success;
        peer.say({ type: 'partitionedMetadataResponse', command: { requestId, partitions, response } });
      },
      lookup: ({ command: { requestId }, peer }) => {
        const response = lookupResult.connect;
        const brokers = this.#secure ? { brokerServiceUrlTls: this.serviceUrl } : { brokerServiceUrl: this.serviceUrl };
        peer.say({ type: 'lookupResponse', command: { requestId, response, ...brokers, authoritative: true } });
      },
      producer: (heard) => this.welcome(heard),
      send: (heard) => this.receipt(heard),
      closeProducer: ({ command: { requestId }, peer }) => peer.say({ type: 'success', command: { requestId } }),
    };
  }
}

function namesOf(socket: Socket): Pick<Peer, 'serverName' | 'clientName'> {
  if (!(socket instanceof TLSSocket)) return { serverName: undefined, clientName: undefined };
  const { servername } = socket as { readonly servername?: string | false };
  const { subject } = socket.getPeerCertificate() as Partial<PeerCertificate>;
  return { serverName: servername, clientName: subject?.CN?.toString() };
}

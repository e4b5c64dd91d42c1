import { Client } from '@pharos/pulsar-client';
import { clientLog } from './client-log.ts';
import { type OptionSpec, type ParsedOptions, required } from './options.ts';
import { say, type Terminal } from './terminal.ts';

const DEFAULT_URL = 'pulsar://127.0.0.1:6650';
/** A command line is watched by a person, or started again by a script: neither wants to wait as long as a server may. */
const CONNECT_TIMEOUT_SECONDS = 10;
/** After so long, say what is being waited for. */
const SILENCE_MS = 2000;

/** The options that every command has which talks to Pulsar. */
export const connectionOptions: readonly OptionSpec[] = [
  { flag: 'topic', value: '<topic>', help: 'the topic', fallback: 'persistent://public/default/chat' },
  {
    flag: 'url',
    value: '<url>',
    help: `Pulsar's service URL (default: PHAROS_PULSAR_URL, else ${DEFAULT_URL})`,
  },
];

export interface Connection {
  readonly client: Client;
  readonly serviceUrl: string;
  readonly topic: string;
}

/** Waits for a producer or consumer to be made, and says so where that takes long. */
export async function connecting<T>(made: Promise<T>, connection: Connection, terminal: Terminal): Promise<T> {
  const timer = setTimeout(() => say(terminal, `pharos: waiting for ${connection.serviceUrl} …`), SILENCE_MS);
  try {
    return await made;
  } finally {
    clearTimeout(timer);
  }
}

/** A client for the broker that the options name; nothing is connected yet. Trouble with the connection is told on standard error. */
export function openConnection(options: ParsedOptions, terminal: Terminal): Connection {
  const topic = required(options, 'topic');
  const fromEnvironment = terminal.env['PHAROS_PULSAR_URL'];
  const fallback = fromEnvironment === undefined || fromEnvironment === '' ? DEFAULT_URL : fromEnvironment;
  const serviceUrl = options.text('url') ?? fallback;
  const client = new Client({
    serviceUrl,
    operationTimeoutSeconds: CONNECT_TIMEOUT_SECONDS,
    logger: clientLog((text) => say(terminal, `pharos: ${text}`)),
  });
  return { client, serviceUrl, topic };
}

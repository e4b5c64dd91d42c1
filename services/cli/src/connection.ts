import { Client } from '@pharos/pulsar-client';
import { type OptionSpec, type ParsedOptions, required } from './options.ts';
import { say, type Terminal } from './terminal.ts';

const DEFAULT_URL = 'pulsar://127.0.0.1:6650';

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
  readonly topic: string;
}

/** A client for the broker that the options name; nothing is connected yet. Trouble with the connection is told on standard error. */
export function openConnection(options: ParsedOptions, terminal: Terminal): Connection {
  const topic = required(options, 'topic');
  const fromEnvironment = terminal.env['PHAROS_PULSAR_URL'];
  const fallback = fromEnvironment === undefined || fromEnvironment === '' ? DEFAULT_URL : fromEnvironment;
  const serviceUrl = options.text('url') ?? fallback;
  const quiet = (): void => undefined;
  const warn = (_fields: object, message: string): void => say(terminal, `pharos: ${message}`);
  const client = new Client({ serviceUrl, logger: { debug: quiet, info: quiet, warn, error: warn } });
  return { client, topic };
}

import { loadConfig, type PulsarAccessConfig, pulsarAccessFields, pulsarAccessTexts, z } from '@pharos/config';
import { accessFromTexts, Client } from '@pharos/pulsar-client';
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
    help: `Pulsar's service URL, with TLS pulsar+ssl://… (default: PHAROS_PULSAR_URL, else ${DEFAULT_URL})`,
  },
  { flag: 'tls-ca', value: '<file>', help: 'CAs of the broker, PEM (default: PHAROS_PULSAR_TLS_CA_FILE)' },
  { flag: 'tls-cert', value: '<file>', help: 'client certificate, PEM (default: PHAROS_PULSAR_TLS_CERT_FILE)' },
  { flag: 'tls-key', value: '<file>', help: 'its private key, PEM (default: PHAROS_PULSAR_TLS_KEY_FILE)' },
  {
    flag: 'token-file',
    value: '<file>',
    help: 'a file with a token (default: PHAROS_PULSAR_AUTH_TOKEN_FILE, or the token itself in PHAROS_PULSAR_AUTH_TOKEN)',
  },
];

/** What an option sets, by the variable that sets it otherwise. Secrets have none: other users see what a process was started with. */
const VARIABLES: Readonly<Record<string, string>> = {
  'tls-ca': 'PHAROS_PULSAR_TLS_CA_FILE',
  'tls-cert': 'PHAROS_PULSAR_TLS_CERT_FILE',
  'tls-key': 'PHAROS_PULSAR_TLS_KEY_FILE',
  'token-file': 'PHAROS_PULSAR_AUTH_TOKEN_FILE',
};
/** Who names a token file wants none of the other ways, whatever the environment says. */
const OTHER_WAYS = ['PHAROS_PULSAR_AUTH_TOKEN', 'PHAROS_PULSAR_AUTH_USERNAME', 'PHAROS_PULSAR_AUTH_PASSWORD'];

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

/** Options, else the environment, as a service reads it: `PHAROS_PULSAR_TLS_…`, `PHAROS_PULSAR_AUTH_…`. @throws ConfigError */
function accessOf(options: ParsedOptions, env: Terminal['env']): PulsarAccessConfig {
  const given = Object.entries(VARIABLES).flatMap(([flag, variable]) => {
    const value = options.text(flag);
    return value === undefined ? [] : [[variable, value] as const];
  });
  const without = options.text('token-file') === undefined ? [] : OTHER_WAYS.map((name) => [name, undefined] as const);
  const schema = z.strictObject({ pulsar: z.strictObject(pulsarAccessFields()) });
  const config = loadConfig(schema, {
    env: { ...env, ...Object.fromEntries([...without, ...given]) },
    // The rest is for services.
    reserved: ['PHAROS_*'],
  });
  return config.pulsar as PulsarAccessConfig;
}

/**
 * A client for the broker that the options name; nothing is connected yet. Trouble with the connection is told on standard error.
 *
 * @throws ConfigError, PulsarError `InvalidConfiguration`, `InvalidUrl`
 */
export function openConnection(options: ParsedOptions, terminal: Terminal): Connection {
  const topic = required(options, 'topic');
  const fromEnvironment = terminal.env['PHAROS_PULSAR_URL'];
  const fallback = fromEnvironment === undefined || fromEnvironment === '' ? DEFAULT_URL : fromEnvironment;
  const serviceUrl = options.text('url') ?? fallback;
  const client = new Client({
    ...accessFromTexts(pulsarAccessTexts(accessOf(options, terminal.env))),
    serviceUrl,
    operationTimeoutSeconds: CONNECT_TIMEOUT_SECONDS,
    logger: clientLog((text) => say(terminal, `pharos: ${text}`)),
  });
  return { client, serviceUrl, topic };
}

import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { text as textOf } from 'node:stream/consumers';
import { describeError } from '@pharos/errors';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import { readConfig } from '@pharos/service';
import { type StandaloneConfig, standaloneConfigSchema } from '@pharos/standalone';
import { hmacSigningKey, signToken } from '@pharos/tokens';
import { Centrifuge, State, type Subscription } from 'centrifuge';
import { WebSocket } from 'ws';
import { CliError } from './errors.ts';
import { type ParsedOptions, required } from './options.ts';
import { say, type Terminal } from './terminal.ts';

/** How long the tokens are valid, in seconds. */
const tokenSeconds = 600;

/** Runs the steps one after the other. @throws CliError `selftest-failed`, with the step; `usage`; ConfigError */
export async function selfTest(options: ParsedOptions, terminal: Terminal, timeoutMs: number): Promise<void> {
  const configFile = options.text('config');
  const { env } = terminal;
  const config = readConfig(standaloneConfigSchema(), configFile === undefined ? { env } : { configFile, env });
  const test = new SelfTest(options, config);
  try {
    for (const [what, step] of test.steps()) {
      const said = await withDeadline(step(), timeoutMs, what).catch((cause: unknown) => {
        const reason = [test.lastError, describeError(cause)].find((text) => text !== '') ?? '';
        throw new CliError('selftest-failed', `${what}: ${reason}`, { cause });
      });
      say(terminal, `${what}: ${said}`);
    }
  } finally {
    test.stop();
  }
}

class SelfTest {
  /** What a client was told last, for the message where a step takes too long. */
  lastError = '';
  readonly #config: StandaloneConfig;
  readonly #url: string;
  readonly #apiUrl: string | undefined;
  readonly #channel: string;
  readonly #user: string;
  readonly #insecure: boolean;
  /** Tells this run's publications from those of others. */
  readonly #run: string = randomUUID();
  readonly #clients: Centrifuge[] = [];
  readonly #received = new Map<string, Deferred>();
  #client: Centrifuge | undefined;
  #subscription: Subscription | undefined;

  constructor(options: ParsedOptions, config: StandaloneConfig) {
    this.#config = config;
    this.#url = required(options, 'url');
    this.#apiUrl = options.text('api-url')?.replace(/\/$/, '');
    this.#channel = required(options, 'channel');
    this.#user = options.text('user') ?? '';
    this.#insecure = options.isSet('insecure');
  }

  steps(): readonly (readonly [what: string, step: () => Promise<string>])[] {
    return [
      ['connect', () => this.#connect()],
      ['subscribe', () => this.#subscribe()],
      ['publish', () => this.#publish('first')],
      ['receive', () => this.#receive('first')],
      ['resume', () => this.#resume()],
    ];
  }

  stop(): void {
    for (const client of this.#clients) client.disconnect();
  }

  async #connect(): Promise<string> {
    this.#client = await this.#newClient();
    return this.#url;
  }

  async #subscribe(): Promise<string> {
    const client = this.#connected();
    const subscription = client.newSubscription(this.#channel, {
      recoverable: true,
      ...(this.#hasTokens() ? { getToken: () => this.#token({ channel: this.#channel }) } : {}),
    });
    this.#subscription = subscription;
    const subscribed = new Deferred();
    subscription.on('subscribed', () => subscribed.resolve());
    subscription.on('unsubscribed', ({ code, reason }) => subscribed.reject(new Error(`${code} ${reason}`)));
    subscription.on('error', ({ error }) => (this.lastError = `${error.code} ${error.message}`));
    subscription.on('publication', ({ data }) => {
      const { run, text } = data as { run?: unknown; text?: unknown };
      if (run === this.#run && typeof text === 'string') this.#arrival(text).resolve();
    });
    subscription.subscribe();
    await subscribed.promise;
    return this.#channel;
  }

  async #publish(text: string): Promise<string> {
    const data = { run: this.#run, text };
    if (this.#apiUrl !== undefined) {
      await this.#publishByApi(this.#apiUrl, data);
      return `through ${this.#apiUrl}`;
    }
    // Over another connection where the first is away.
    const isThere = this.#connected().state === State.Connected;
    const client = isThere ? this.#connected() : await this.#newClient();
    await client.publish(this.#channel, data);
    return 'over a connection';
  }

  async #receive(text: string): Promise<string> {
    await this.#arrival(text).promise;
    return 'the publication came';
  }

  /** Goes away, misses a publication, and comes back for it. */
  async #resume(): Promise<string> {
    const client = this.#connected();
    const subscription = this.#subscription;
    if (subscription === undefined) throw new TypeError('not subscribed yet');
    client.disconnect();
    await this.#publish('missed');
    const back = new Deferred<boolean>();
    subscription.once('subscribed', ({ wasRecovering, recovered }) => back.resolve(wasRecovering && recovered));
    client.connect();
    if (await back.promise) {
      await this.#receive('missed');
      return 'what was missed came';
    }
    const { recoverable } = this.#recoverability();
    if (recoverable) throw new Error('the client was told that it could not be recovered');
    return 'left out: the channel has no recovery (allow_recovery, history_size, history_ttl)';
  }

  #recoverability(): { readonly recoverable: boolean } {
    const { without_namespace: open, namespaces } = this.#config.channel;
    const [name] = this.#channel.split(':', 1);
    const own = this.#channel.includes(':') ? namespaces.find((namespace) => namespace.name === name) : open;
    return { recoverable: own !== undefined && (own.allow_recovery || own.force_recovery) };
  }

  async #newClient(): Promise<Centrifuge> {
    // A class, as the SDK wants one, that adds how certificates are looked at.
    const agent = this.#insecure && this.#url.startsWith('wss:') ? new Agent({ rejectUnauthorized: false }) : undefined;
    const options = agent === undefined ? {} : { agent };
    class Socket extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols, options);
      }
    }
    const client = new Centrifuge(this.#url, {
      websocket: Socket,
      name: 'pharos-selftest',
      ...(this.#hasTokens() ? { getToken: () => this.#token({}) } : {}),
    });
    this.#clients.push(client);
    client.on('error', ({ error }) => (this.lastError = `${error.code} ${error.message}`));
    const connected = new Deferred();
    client.on('connected', () => connected.resolve());
    client.on('disconnected', ({ code, reason }) => connected.reject(new Error(`${code} ${reason}`)));
    client.connect();
    await connected.promise;
    return client;
  }

  async #publishByApi(apiUrl: string, data: object): Promise<void> {
    const { key, keys } = this.#config.http_api;
    const may = keys.find(({ scopes }) => scopes.includes('publish') || scopes.includes('admin'));
    const apiKey = key ?? may?.key;
    if (apiKey === undefined) throw new CliError('usage', 'the settings have no key of http_api that may publish');
    const body = JSON.stringify({ channel: this.#channel, data });
    const { status, text } = await post(`${apiUrl}/publish`, apiKey, body, this.#insecure);
    if (status !== 200) throw new Error(`${apiUrl} answered ${status}`);
    const { error } = JSON.parse(text) as { error?: { code: number; message: string } };
    if (error !== undefined) throw new Error(`${error.code} ${error.message}`);
  }

  #hasTokens(): boolean {
    return this.#config.client.token.hmac_secret_key !== undefined;
  }

  #token(claims: { readonly channel?: string }): Promise<string> {
    const { token, subscription_token: forChannels } = this.#config.client;
    const config = claims.channel !== undefined && forChannels.enabled ? forChannels : token;
    const now = Math.floor(Date.now() / 1_000);
    const all = { ...claims, [config.user_id_claim]: this.#user, iat: now, exp: now + tokenSeconds };
    return signToken(all, hmacSigningKey(config), config);
  }

  #arrival(text: string): Deferred {
    const arrival = this.#received.get(text) ?? new Deferred();
    this.#received.set(text, arrival);
    return arrival;
  }

  #connected(): Centrifuge {
    if (this.#client === undefined) throw new TypeError('not connected yet');
    return this.#client;
  }
}

/** Not by `fetch`, which takes no certificate but a good one. */
function post(
  url: string,
  apiKey: string,
  body: string,
  insecure: boolean,
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:')
      ? httpsRequest(url, { method: 'POST', headers, rejectUnauthorized: !insecure })
      : httpRequest(url, { method: 'POST', headers });
    request.on('error', reject);
    request.on('response', (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode, text }), reject);
    });
    request.end(body);
  });
}

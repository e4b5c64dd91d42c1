import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Log, PulsarBus } from '@pharos/bus';
import { CertificateAuthority, HttpBackend, sharedPulsar, uniqueTopic } from '@pharos/testkit';
import { Centrifuge, type Subscription } from 'centrifuge';
import { EventSource } from 'eventsource';

import type { ServiceNode } from '../../bench/chaos/service-node.ts';
import { rigApiKey } from '../../bench/chaos/settings.ts';
import { userToken } from '../../bench/clients/token.ts';

type Sections = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const tokenSecret = 'secret-of-an-application';
const appendTimeoutMs = 30_000;

/** What an application has beside a rig: users with tokens, a backend that is asked by HTTP, a topic of commands, and a certificate for its server API. */
export class Application {
  readonly backend: HttpBackend;
  /** Connection tokens of some users. */
  readonly tokens: readonly string[] = Array.from({ length: 8 }, (_, user) => userToken(`user-${user}`, tokenSecret));
  readonly #authority: CertificateAuthority;
  readonly #folder: string;
  readonly #bus: PulsarBus;
  readonly #commands: Log;

  private constructor(parts: {
    readonly backend: HttpBackend;
    readonly authority: CertificateAuthority;
    readonly folder: string;
    readonly bus: PulsarBus;
    readonly commands: Log;
  }) {
    this.backend = parts.backend;
    this.#authority = parts.authority;
    this.#folder = parts.folder;
    this.#bus = parts.bus;
    this.#commands = parts.commands;
  }

  static async start(): Promise<Application> {
    const { serviceUrl, adminUrl } = await sharedPulsar();
    const authority = new CertificateAuthority();
    const folder = await mkdtemp(join(tmpdir(), 'pharos-application-'));
    const { certificate, privateKey } = authority.issue({ hosts: ['127.0.0.1'] });
    await writeFile(join(folder, 'tls.crt'), certificate);
    await writeFile(join(folder, 'tls.key'), privateKey);
    const bus = new PulsarBus({ serviceUrl, adminUrl, namePrefix: `application-${randomBytes(6).toString('hex')}` });
    const commands = await bus.openLog({ topic: uniqueTopic('application-commands') });
    const backend = await HttpBackend.open(() => ({ result: { data: {} } }));
    return new Application({ backend, authority, folder, bus, commands });
  }

  /** For edges. */
  get edge(): Sections {
    return { client: { token: { hmac_secret_key: tokenSecret } }, rpc: this.#rpc };
  }

  /** For server APIs. */
  get api(): Sections {
    const tls = { cert_file: join(this.#folder, 'tls.crt'), key_file: join(this.#folder, 'tls.key') };
    return { tls, rpc: this.#rpc, commands: { topic: this.#commands.topic } };
  }

  get #rpc(): Readonly<Record<string, unknown>> {
    return { without_namespace: { proxy_enabled: true }, proxy: { endpoint: this.backend.url('/rpc') } };
  }

  /** Calls the server API, whatever it answers; rejects where there is no answer. */
  call(server: ServiceNode, method: string, params: object, key = rigApiKey): Promise<void> {
    const url = `https://127.0.0.1:${server.port}/api/${method}`;
    const options = { method: 'POST', headers: { 'X-API-Key': key }, ca: this.#authority.certificate };
    return new Promise((resolve, reject) => {
      const asked = request(url, options, (response) => {
        response.on('error', reject).on('end', resolve).resume();
      });
      asked.on('error', reject).end(JSON.stringify(params));
    });
  }

  /** Lays a command on the topic. */
  async command(method: string, params: { readonly channel: string; readonly data: unknown }): Promise<void> {
    const data = Buffer.from(JSON.stringify({ method, params }));
    await this.#commands.append({ channel: params.channel, data }, appendTimeoutMs);
  }

  /** The official SDK by server-sent events, in a channel whose publications it takes as deltas. To be disconnected. */
  streamed(edge: ServiceNode, channel: string): { readonly sdk: Centrifuge; readonly subscription: Subscription } {
    const base = `http://127.0.0.1:${edge.port}`;
    const sdk = new Centrifuge([{ transport: 'sse', endpoint: `${base}/connection/sse` }], {
      emulationEndpoint: `${base}/emulation`,
      eventsource: EventSource,
      fetch,
      token: this.tokens[0] ?? '',
    });
    const subscription = sdk.newSubscription(channel, { delta: 'fossil' });
    subscription.subscribe();
    sdk.connect();
    return { sdk, subscription };
  }

  async stop(): Promise<void> {
    await this.#bus.close();
    await this.backend.stop();
    await rm(this.#folder, { recursive: true });
  }
}

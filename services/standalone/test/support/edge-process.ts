import { freePort, type ServiceProcess } from '@pharos/testkit';
import { type Environment, pharos, type PulsarAddress } from './processes.ts';

export interface EdgeOptions {
  /** Settings besides the addresses. */
  readonly env?: Environment;
  /** @default the embedded bus */
  readonly pulsar?: PulsarAddress;
  /** The log of channels without a namespace; its local name is the chat's channel. */
  readonly topic?: string;
  /** @default a free one */
  readonly port?: number;
  /** Resolve when clients can connect; else at once. @default true */
  readonly waitUntilReady?: boolean;
}

/** `pharos serve standalone` on ports of its own. */
export class EdgeProcess {
  readonly process: ServiceProcess;
  readonly port: number;
  readonly internalPort: number;

  constructor(process: ServiceProcess, port: number, internalPort: number) {
    this.process = process;
    this.port = port;
    this.internalPort = internalPort;
  }

  get textUrl(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  get sdkUrl(): string {
    return `ws://127.0.0.1:${this.port}/connection/websocket`;
  }

  get pageUrl(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** What it answers at an address of its internal listener. */
  async internal(path: '/health/live' | '/health/ready' | '/metrics'): Promise<{ status: number; body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.internalPort}${path}`);
    return { status: response.status, body: await response.text() };
  }

  /** SIGTERM; its exit code. */
  async stop(): Promise<number | null> {
    return (await this.process.stop(60_000)).code;
  }
}

export async function startEdge(options: EdgeOptions = {}): Promise<EdgeProcess> {
  const port = options.port ?? (await freePort());
  const internalPort = await freePort();
  const { pulsar, topic } = options;
  const env: Environment = {
    PHAROS_LISTEN: `127.0.0.1:${port}`,
    PHAROS_INTERNAL_LISTEN: `127.0.0.1:${internalPort}`,
    PHAROS_DRAIN_TIMEOUT: '200ms',
    ...(pulsar === undefined ? {} : { PHAROS_PULSAR_URL: pulsar.serviceUrl, PHAROS_PULSAR_ADMIN_URL: pulsar.adminUrl }),
    ...(topic === undefined
      ? {}
      : { PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: topic, PHAROS_CHAT_CHANNEL: localName(topic) }),
    ...options.env,
  };
  const ready = options.waitUntilReady === false ? undefined : /Pharos runs at/;
  return new EdgeProcess(await pharos(['serve', 'standalone'], env, ready), port, internalPort);
}

/** `chat` for `persistent://public/default/chat`: the channel of messages without a key. */
export function localName(topic: string): string {
  return topic.slice(topic.lastIndexOf('/') + 1);
}

import { setTimeout as delay } from 'node:timers/promises';
import { Deferred } from '@pharos/lifecycle';
import { connectSdk, connectText, type SdkClient, type TextClient } from './clients.ts';

/** What became of everything that one publisher sent, each text with the publisher's name and a number that grows. */
export interface Published {
  readonly publisher: string;
  /** Acknowledged: each must reach everybody. */
  readonly acknowledged: Set<string>;
  /** Refused with error 100: the log may have it, or not. */
  readonly unknown: Set<string>;
  /** Refused before it was sent: nobody may see it. */
  readonly refused: Set<string>;
}

/** Something that publishes at an even pace until it is stopped. */
export interface Publisher {
  readonly published: Published;
  /** Ends the publishing; resolves when the outcome of everything is known. */
  stop(): Promise<void>;
}

const temporaryError = 100;
/** How a client whose connection was closed comes back. */
const retryMs = 250;
const maxTries = 40;

function nothingYet(publisher: string): Published {
  return { publisher, acknowledged: new Set(), unknown: new Set(), refused: new Set() };
}

/** Publishes by the SDK: the answers are the outcomes. */
export function publishBySdk(client: SdkClient, intervalMs: number): Publisher {
  const published = nothingYet(client.name);
  const underWay = new Set<Promise<void>>();
  let number = 0;
  const publishOne = async (text: string): Promise<void> => {
    try {
      await client.subscription.publish(text);
      published.acknowledged.add(text);
    } catch (error) {
      const isTemporary = (error as { readonly code?: unknown }).code === temporaryError;
      (isTemporary ? published.unknown : published.refused).add(text);
    }
  };
  const timer = setInterval(() => {
    const one = publishOne(`${client.name} ${number++}`);
    underWay.add(one);
    void one.finally(() => underWay.delete(one));
  }, intervalMs);
  timer.unref();
  return {
    published,
    async stop(): Promise<void> {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

/**
 * Publishes by a bare WebSocket. It has no answers: a text that comes back was taken, and where the edge can't take one it
 * closes the connection, so that a connection which stands owes everything. After a close the publisher connects again.
 */
export class TextPublisher implements Publisher {
  readonly published: Published;
  /** How often the edge closed the connection because it could not publish. */
  closes = 0;
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  #client: TextClient;
  #connecting: Promise<void> | undefined;
  #waiting = new Map<string, Deferred>();
  #number = 0;

  private constructor(client: TextClient, url: string, intervalMs: number) {
    this.#client = client;
    this.#url = url;
    this.published = nothingYet(client.name);
    this.#watch(client);
    this.#timer = setInterval(() => this.#publishOne(), intervalMs).unref();
  }

  static async start(name: string, url: string, intervalMs: number): Promise<TextPublisher> {
    return new TextPublisher(await connectText(name, url), url, intervalMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#connecting;
    await Promise.race([
      Promise.all([...this.#waiting.values()].map(({ promise }) => promise)),
      this.#client.closed.promise,
    ]);
    this.#client.drop();
  }

  #publishOne(): void {
    if (this.#connecting !== undefined) return;
    const text = `${this.published.publisher} ${this.#number++}`;
    this.#waiting.set(text, new Deferred());
    this.#client.send(text);
  }

  #watch(client: TextClient): void {
    client.socket.on('message', (data: Buffer) => {
      const text = data.toString('utf8').replace(/^\[[^\]]*\] /, '');
      this.#waiting.get(text)?.resolve();
      if (this.#waiting.delete(text)) this.published.acknowledged.add(text);
    });
    // Ends with the connection, whichever way: `stop` waits for what it starts.
    void this.#afterClose(client);
  }

  async #afterClose(client: TextClient): Promise<void> {
    const { code } = await client.closed.promise;
    if (code !== 1013) return;
    this.closes++;
    for (const text of this.#waiting.keys()) this.published.unknown.add(text);
    this.#waiting.clear();
    this.#connecting = this.#connect();
  }

  /** While the log is away the edge closes this one too, when the greeting's time is up. */
  async #connect(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        this.#client = await connectText(this.published.publisher, this.#url);
        break;
      } catch (error) {
        if (tries === maxTries) throw error;
        await delay(retryMs);
      }
    }
    this.#watch(this.#client);
    this.#connecting = undefined;
  }
}

/** An SDK client that publishes, subscribed too, because its channel lets subscribers publish. */
export async function startSdkPublisher(
  name: string,
  url: string,
  channel: string,
  intervalMs: number,
): Promise<Publisher & { readonly client: SdkClient }> {
  const client = await connectSdk(name, url, channel);
  return { ...publishBySdk(client, intervalMs), client };
}

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { eventually } from '@pharos/testkit';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';

export const channel = 'news';
/** What publications are: who sent it, and which of its own it is. */
type Item = readonly [publisher: string, number: number];

// An edge that stands still is found out by a ping that doesn't come (the edges of these tests ping each second), and a connect that isn't answered is given up.
const options = { websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 500, maxServerPingDelay: 6_000 };

/** A client as an application has one, and what it received. */
export class Subscriber {
  readonly received: Item[] = [];
  readonly client: Centrifuge;
  /** Times that it was told that what it missed could not be had. */
  lost = 0;
  /** Times that it came in. */
  connects = 0;

  constructor(url: string) {
    this.client = new Centrifuge(url, options);
    this.client.on('connected', () => this.connects++);
    const subscription = this.client.newSubscription(channel, { recoverable: true });
    subscription.on('publication', ({ data }) => this.received.push(data as Item));
    subscription.on('subscribed', ({ wasRecovering, recovered }) => {
      if (wasRecovering && !recovered) this.lost++;
    });
    subscription.subscribe();
    this.client.connect();
  }

  async ready(): Promise<void> {
    await this.client.ready(30_000);
    await this.client.getSubscription(channel)?.ready(30_000);
  }
}

/** Publishes one after the other; each is acknowledged, or of unknown outcome: then it may be in the log, once. */
export class Publisher {
  readonly name: string;
  readonly acknowledged: number[] = [];
  /** Of all that were sent. */
  sent = 0;
  readonly #publish: (item: Item) => Promise<unknown>;
  readonly #over = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(name: string, publish: (item: Item) => Promise<unknown>) {
    this.name = name;
    this.#publish = publish;
  }

  run(everyMs: number): void {
    const signal = this.#over.signal;
    this.#running = (async (): Promise<void> => {
      while (!signal.aborted) {
        const number = ++this.sent;
        await this.#publish([this.name, number]).then(
          () => this.acknowledged.push(number),
          () => undefined,
        );
        await new Promise((resolve) => setTimeout(resolve, everyMs));
      }
    })();
  }

  /** Resolves when `count` more have been acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await eventually(() => (this.acknowledged.length >= wanted ? true : undefined), `${count} more of ${this.name}`);
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }
}

/** A publisher by a client of its own, which begins when that is in. */
export async function clientPublisher(
  name: string,
  url: string,
): Promise<{ publisher: Publisher; client: Centrifuge }> {
  const client = new Centrifuge(url, options);
  client.connect();
  await client.ready(30_000);
  return { client, publisher: new Publisher(name, (item) => client.publish(channel, item)) };
}

/** Each of its publishes must be acknowledged. */
export function apiPublisher(name: string, call: ApiCall): { publisher: Publisher; failures: unknown[] } {
  const failures: unknown[] = [];
  const publish = async (data: Item): Promise<void> => {
    await call('publish', { channel, data }).catch((error: unknown) => {
      failures.push(error);
      throw error;
    });
  };
  return { publisher: new Publisher(name, publish), failures };
}

export type ApiCall = (method: string, params: object) => Promise<Record<string, unknown>>;

/** Calls the server API, each time over a connection of its own. */
export function apiAt(port: number, key: string): ApiCall {
  return async (method, params) => {
    const answer = await post(`http://127.0.0.1:${port}/api/${method}`, { 'x-api-key': key }, JSON.stringify(params));
    const { result, error } = JSON.parse(answer) as { result?: Record<string, unknown>; error?: unknown };
    assert.equal(error, undefined, `${method}: ${answer}`);
    return result ?? {};
  };
}

function post(url: string, headers: Record<string, string>, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', agent: false, headers }, (response) => resolve(text(response)));
    call.once('error', reject);
    call.end(body);
  });
}

/** All that was acknowledged came to each, nothing came twice, that of a publisher in its order, and to all in the same one. */
export async function assertComplete(
  subscribers: readonly Subscriber[],
  publishers: readonly Publisher[],
): Promise<readonly Item[]> {
  const last = publishers.map(({ name, acknowledged }) => [name, acknowledged.at(-1) ?? 0] as const);
  const [first] = subscribers as readonly [Subscriber];
  for (const subscriber of subscribers) {
    const { received } = subscriber;
    const isHere = ([name, number]: readonly [string, number]): boolean =>
      received.some((item) => item[0] === name && item[1] === number);
    await eventually(() => (last.every(isHere) ? true : undefined), 'the last of each publisher');
    assert.equal(subscriber.lost, 0);
  }
  for (const { name, acknowledged, sent } of publishers) {
    const numbers = first.received.filter((item) => item[0] === name).map(([, number]) => number);
    const came = new Set(numbers);
    assert.deepEqual(
      {
        lost: acknowledged.filter((number) => !came.has(number)),
        twice: numbers.length - came.size,
        disordered: numbers.filter((number, index) => number <= (numbers[index - 1] ?? 0)),
        strange: numbers.filter((number) => number > sent),
      },
      { lost: [], twice: 0, disordered: [], strange: [] },
      name,
    );
  }
  // What is of unknown outcome may come after all that is waited for.
  const upToLast = (received: readonly Item[]): readonly Item[] => {
    const ends = last.map(([name, number]) => received.findIndex((item) => item[0] === name && item[1] === number));
    return received.slice(0, Math.max(...ends) + 1);
  };
  const all = upToLast(first.received);
  for (const { received } of subscribers) assert.deepEqual(upToLast(received), all);
  return all;
}

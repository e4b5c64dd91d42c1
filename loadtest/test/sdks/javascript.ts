import { Collector } from '@pharos/testkit';
import { Centrifuge as JsonCentrifuge } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import { EventSource } from 'eventsource';
import { WebSocket } from 'ws';

import type { Received, SdkCommands, SdkDriver, Subscribed } from './sdk.ts';

const waitMs = 30_000;

interface Room {
  readonly answers: Collector<Subscribed>;
  readonly publications: Collector<Received>;
}

interface Guest {
  readonly client: JsonCentrifuge;
  readonly ids: Collector<string>;
  readonly rooms: Map<string, Room>;
  readonly encode: (data: unknown) => unknown;
  readonly decode: (data: unknown) => unknown;
}

/** The official JavaScript SDK, in this process. */
export class JavaScriptDriver {
  readonly #guests = new Map<string, Guest>();

  readonly commands: Implementation = {
    open: async ({ client: name, url, emulationUrl, transport, encoding, tokenUrl }) => {
      // The builds differ in private parts only.
      const Build = (encoding === 'json' ? JsonCentrifuge : ProtobufCentrifuge) as unknown as typeof JsonCentrifuge;
      const client = new Build([{ transport, endpoint: url }], {
        websocket: WebSocket,
        emulationEndpoint: emulationUrl,
        eventsource: EventSource,
        fetch,
        readableStream: ReadableStream,
        getToken: () => fetchText(tokenUrl),
        timeout: waitMs,
        minReconnectDelay: 50,
        maxReconnectDelay: 200,
      });
      const ids = new Collector<string>();
      client.on('connected', (context) => ids.add(context.client));
      const json = encoding === 'json';
      this.#guests.set(name, {
        client,
        ids,
        rooms: new Map(),
        encode: (data) => (json ? data : Buffer.from(JSON.stringify(data))),
        decode: (data) => (json ? data : (JSON.parse(Buffer.from(data as Uint8Array).toString('utf8')) as unknown)),
      });
      client.connect();
      await client.ready(waitMs);
      return null;
    },
    subscribe: async ({ client: name, channel, tokenUrl }) => {
      const { client, rooms, decode } = this.#guest(name);
      const getToken = tokenUrl === undefined ? null : () => fetchText(tokenUrl);
      const subscription = client.newSubscription(channel, { recoverable: true, getToken });
      const room: Room = { answers: new Collector(), publications: new Collector() };
      rooms.set(channel, room);
      subscription.on('subscribed', ({ recoverable, positioned, wasRecovering, recovered }) =>
        room.answers.add({ recoverable, positioned, wasRecovering, recovered }),
      );
      subscription.on('publication', ({ offset = 0, data }) => room.publications.add({ offset, data: decode(data) }));
      subscription.subscribe();
      await room.answers.waitForCount(1, waitMs);
      return room.answers.items[0] as Subscribed;
    },
    publish: async ({ client: name, channel, data }) => {
      const { client, encode } = this.#guest(name);
      await client.publish(channel, encode(data));
      return null;
    },
    rpc: async ({ client: name, method, data }) => {
      const { client, encode, decode } = this.#guest(name);
      return decode((await client.rpc(method, encode(data))).data);
    },
    presence: async ({ client: name, channel }) => {
      const { clients } = await this.#guest(name).client.presence(channel);
      return Object.values(clients).map(({ client, user }) => ({ client, user }));
    },
    presenceStats: async ({ client: name, channel }) => {
      const { numClients, numUsers } = await this.#guest(name).client.presenceStats(channel);
      return { clients: numClients, users: numUsers };
    },
    history: async ({ client: name, channel, limit, reverse }) => {
      const { client, decode } = this.#guest(name);
      const { offset, publications } = await client.history(channel, { limit, reverse });
      return { offset, publications: publications.map((one) => ({ offset: one.offset ?? 0, data: decode(one.data) })) };
    },
    publications: async ({ client, channel, count }) => {
      const { publications } = this.#room(client, channel);
      await publications.waitForCount(count, waitMs);
      return [...publications.items];
    },
    answers: async ({ client, channel, count }) => {
      const { answers } = this.#room(client, channel);
      await answers.waitForCount(count, waitMs);
      return [...answers.items];
    },
    ids: ({ client }) => Promise.resolve([...this.#guest(client).ids.items]),
    close: ({ client }) => {
      this.#guest(client).client.disconnect();
      this.#guests.delete(client);
      return Promise.resolve(null);
    },
  };

  #guest(name: string): Guest {
    const guest = this.#guests.get(name);
    if (guest === undefined) throw new RangeError(`there is no client '${name}'`);
    return guest;
  }

  #room(name: string, channel: string): Room {
    const room = this.#guest(name).rooms.get(channel);
    if (room === undefined) throw new RangeError(`'${name}' is not in '${channel}'`);
    return room;
  }
}

type Implementation = {
  [M in keyof SdkCommands]: (...params: Parameters<SdkCommands[M]>) => Promise<ReturnType<SdkCommands[M]>>;
};

/** The driver as the workers of other languages are called. */
export function javaScriptDriver(): SdkDriver {
  const { commands } = new JavaScriptDriver();
  return {
    call: (method, ...params) => (commands[method] as (...of: unknown[]) => Promise<never>)(...params),
    stop: () => Promise.resolve(),
  };
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url);
  return response.text();
}

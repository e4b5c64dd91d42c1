// Clients and publishers of the official SDK, for runs that the checker judges.
import type { SendLog } from '@pharos/testkit';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';

import type { HistoryReply, PresenceReply, SdkCommands } from '../clients/commands.ts';
import { Crowd } from '../clients/crowd.ts';
import { Endpoints } from '../clients/endpoints.ts';
import { dataOf, messageOf } from '../clients/message.ts';
import { SdkClient } from '../clients/sdk-client.ts';
import { outcomeOf, SdkPublisher } from '../clients/sdk-publisher.ts';
import { serveCommands } from '../frame/commands.ts';

const endpoints = new Endpoints();
const crowd = new Crowd(endpoints, ({ clients, joinLeave }, index) => {
  const { name, channels } = clients[index] as (typeof clients)[number];
  return new SdkClient(name, channels, endpoints, index, joinLeave);
});

const publishingTo = new Endpoints();
const publishers = new Map<string, SdkPublisher>();

/** Those that are there go on: a name publishes under one number after the other. */
function publish({
  endpoints: urls,
  publishers: specs,
  padBytes,
}: Parameters<SdkCommands['publish']>[0]): Promise<void> {
  publishingTo.set(urls);
  for (const spec of specs) {
    const publisher = publishers.get(spec.name) ?? new SdkPublisher(spec, publishingTo, publishers.size, padBytes);
    publishers.set(spec.name, publisher);
    publisher.start();
  }
  return Promise.resolve();
}

/** Publications that are under way at a time. */
const maxPublishing = 200;

async function publishEach(params: Parameters<SdkCommands['publishEach']>[0]): Promise<SendLog[]> {
  const { endpoint, channels, tag, padBytes } = params;
  const centrifuge = new Centrifuge(endpoint, { websocket: WebSocket, minReconnectDelay: 50 });
  centrifuge.connect();
  await centrifuge.ready(30_000);
  const logs: SendLog[] = [];
  const left = channels.values();
  const work = async (): Promise<void> => {
    for (const channel of left) {
      const message = `${tag}@${channel}`;
      const outcome = await centrifuge.publish(channel, dataOf(message, padBytes)).then(
        () => 'acknowledged' as const,
        (error: unknown) => outcomeOf(error),
      );
      logs.push({ publisher: tag, channel, sends: [{ message, session: 1, outcome }] });
    }
  };
  await Promise.all(Array.from({ length: maxPublishing }, work));
  centrifuge.disconnect();
  return logs;
}

/** Asks `ask` for each channel over a connection of its own, which ends afterwards. */
async function overOneConnection<T>(
  endpoint: string,
  channels: readonly string[],
  ask: (centrifuge: Centrifuge, channel: string) => Promise<T>,
): Promise<T[]> {
  const centrifuge = new Centrifuge(endpoint, { websocket: WebSocket, minReconnectDelay: 50 });
  centrifuge.connect();
  try {
    await centrifuge.ready(30_000);
    return await Promise.all(channels.map((channel) => ask(centrifuge, channel)));
  } finally {
    centrifuge.disconnect();
  }
}

async function presenceOf(centrifuge: Centrifuge, channel: string): Promise<PresenceReply> {
  const requestedAtMs = Date.now();
  try {
    const { clients } = await centrifuge.presence(channel);
    const members = Object.keys(clients);
    return { answer: { channel, requestedAtMs, answeredAtMs: Date.now(), members } };
  } catch (error) {
    return { channel, code: codeOf(error) };
  }
}

/** All pages, from the beginning on. */
async function historyOf(centrifuge: Centrifuge, channel: string): Promise<HistoryReply> {
  const entries: { offset: number; message: string }[] = [];
  try {
    for (let since = { offset: 0, epoch: '' }; ; ) {
      const { epoch, publications } = await centrifuge.history(channel, { limit: pagePublications, since });
      for (const { offset = 0, data } of publications) entries.push({ offset, message: messageOf(data) });
      // A page may hold fewer than were asked for: the edge has a limit of its own.
      if (publications.length === 0) return { channel, epoch, entries };
      since = { offset: entries.at(-1)?.offset ?? 0, epoch };
    }
  } catch (error) {
    return { channel, code: codeOf(error) };
  }
}

const pagePublications = 500;

function codeOf(error: unknown): number {
  return (error as { readonly code?: number }).code ?? -1;
}

const commands: SdkCommands = {
  ...crowd.commands,
  publish,
  publishEach,
  stopPublishing: () => Promise.all([...publishers.values()].map((publisher) => publisher.stop())),
  askPresence: ({ endpoint, channels }) => overOneConnection(endpoint, channels, presenceOf),
  askHistory: ({ endpoint, channels }) => overOneConnection(endpoint, channels, historyOf),
};
await serveCommands(commands);
process.exit();

// Clients and publishers of the official SDK, for runs that the checker judges.
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';

import type { HistoryReply, PresenceReply, SdkCommands } from '../clients/commands.ts';
import { Crowd } from '../clients/crowd.ts';
import { Endpoints } from '../clients/endpoints.ts';
import { messageOf } from '../clients/message.ts';
import { SdkClient } from '../clients/sdk-client.ts';
import { SdkPublisher } from '../clients/sdk-publisher.ts';
import { serveCommands } from '../frame/commands.ts';

const endpoints = new Endpoints();
const crowd = new Crowd(endpoints, ({ clients, joinLeave }, index) => {
  const { name, channels } = clients[index] as (typeof clients)[number];
  return new SdkClient(name, channels, endpoints, index, joinLeave);
});

const publishingTo = new Endpoints();
const publishers = new Map<string, SdkPublisher>();

/** Those that are there go on: a name publishes under one number after the other. */
function publish({ endpoints: urls, publishers: specs }: Parameters<SdkCommands['publish']>[0]): Promise<void> {
  publishingTo.set(urls);
  for (const spec of specs) {
    const publisher = publishers.get(spec.name) ?? new SdkPublisher(spec, publishingTo, publishers.size);
    publishers.set(spec.name, publisher);
    publisher.start();
  }
  return Promise.resolve();
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

async function historyOf(centrifuge: Centrifuge, channel: string): Promise<HistoryReply> {
  try {
    const { epoch, publications } = await centrifuge.history(channel, {
      limit: historyLimit,
      since: { offset: 0, epoch: '' },
    });
    return {
      channel,
      epoch,
      entries: publications.map(({ offset = 0, data }) => ({ offset, message: messageOf(data) })),
    };
  } catch (error) {
    return { channel, code: codeOf(error) };
  }
}

const historyLimit = 1_000;

function codeOf(error: unknown): number {
  return (error as { readonly code?: number }).code ?? -1;
}

const commands: SdkCommands = {
  ...crowd.commands,
  publish,
  stopPublishing: () => Promise.all([...publishers.values()].map((publisher) => publisher.stop())),
  askPresence: ({ endpoint, channels }) => overOneConnection(endpoint, channels, presenceOf),
  askHistory: ({ endpoint, channels }) => overOneConnection(endpoint, channels, historyOf),
};
await serveCommands(commands);
process.exit();

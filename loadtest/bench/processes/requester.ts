// Asks servers to publish: the server API by HTTP, or an edge as a client does.
import { Agent, request as httpRequest } from 'node:http';

import { Deferred } from '@pharos/lifecycle';
import { WebSocket } from 'ws';

import { serveCommands } from '../frame/commands.ts';
import { payload } from '../frame/payload.ts';
import { publicationsOf, type RequesterCommands, type RequesterOptions } from '../frame/roles.ts';

/** Channels that requests go to in turns; nobody is subscribed to them. */
const channels = 100;
const host = '127.0.0.1';
const connectId = 1;
/** The server's, and its answer. */
const ping = '{}';

/** One connection with one request under way at a time. Resolves with the number of publications that were confirmed. */
type Ask = (sequence: number) => Promise<number>;

let asks: Ask[] = [];
let sequence = 0;

async function open(options: RequesterOptions): Promise<void> {
  const one = options.request === 'client' ? clientAsks : httpAsks;
  asks = await Promise.all(Array.from({ length: options.connections }, () => one(options)));
}

async function ask({ count }: Parameters<RequesterCommands['ask']>[0]): Promise<number> {
  let left = count;
  let confirmed = 0;
  const work = async (one: Ask): Promise<void> => {
    while (left > 0) {
      left--;
      // Not `+=`, which would read it before the wait.
      const more = await one(sequence++);
      confirmed += more;
    }
  };
  await Promise.all(asks.map(work));
  return confirmed;
}

function channelOf(number: number): string {
  return `requests-${number % channels}`;
}

function httpAsks({ port, request, payloadBytes, key }: RequesterOptions): Promise<Ask> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { 'Content-Type': 'application/json', 'X-API-Key': key };
  const one: Ask = async (number) => {
    const body = bodyOf(request, number, payload(number, payloadBytes).toString());
    const answered = new Deferred<string>();
    const sent = httpRequest({ host, port, agent, method: 'POST', path: `/api/${request}`, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (error) => answered.reject(error));
      response.on('end', () => answered.resolve(Buffer.concat(chunks).toString('latin1')));
    });
    sent.on('error', (error) => answered.reject(error));
    sent.end(body);
    return (await answered.promise).split('"offset":').length - 1;
  };
  return Promise.resolve(one);
}

function bodyOf(request: RequesterOptions['request'], number: number, data: string): string {
  if (request === 'publish') return `{"channel":"${channelOf(number)}","data":${data}}`;
  const all = Array.from({ length: publicationsOf(request) }, (_, index) => `"${channelOf(index)}"`);
  if (request === 'broadcast') return `{"channels":[${all.join(',')}],"data":${data}}`;
  const commands = all.map((channel) => `{"publish":{"channel":${channel},"data":${data}}}`);
  return `{"parallel":true,"commands":[${commands.join(',')}]}`;
}

async function clientAsks({ port, payloadBytes }: RequesterOptions): Promise<Ask> {
  const socket = new WebSocket(`ws://${host}:${port}/connection/websocket`, { perMessageDeflate: false });
  let waiting = new Deferred<string>();
  socket.on('error', (error) => waiting.reject(error));
  socket.on('close', (code) => waiting.reject(new Error(`the connection ended with ${code}`)));
  socket.on('message', (data) => {
    const text = (data as Buffer).toString('latin1');
    if (text === ping) socket.send(ping);
    else waiting.resolve(text);
  });
  const send = (text: string): Promise<string> => {
    waiting = new Deferred();
    socket.send(text);
    return waiting.promise;
  };
  const opened = new Deferred();
  socket.on('open', () => opened.resolve());
  await Promise.race([opened.promise, waiting.promise]);
  await send(`{"id":${connectId},"connect":{}}`);
  return async (number) => {
    const id = connectId + 1 + number;
    const data = payload(number, payloadBytes).toString();
    const answer = await send(`{"id":${id},"publish":{"channel":"${channelOf(number)}","data":${data}}}`);
    return answer === `{"id":${id},"publish":{}}` ? 1 : 0;
  };
}

const commands: RequesterCommands = { open, ask };
await serveCommands(commands);
process.exit();

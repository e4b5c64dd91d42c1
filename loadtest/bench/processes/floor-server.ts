// The floor: uWebSockets.js with nothing around it. What a server on it can't be cheaper than.
import {
  type Encoding,
  ProtobufPublicationFrameBuilder,
  PublicationFrameBuilder,
  protobufPublicationPrefix,
  publicationPrefix,
} from '@pharos/client-protocol';
import uWS from 'uWebSockets.js';

import { serveCommands } from '../frame/commands.ts';
import { collectGarbage } from '../frame/garbage.ts';
import { pace } from '../frame/pacer.ts';
import { payload } from '../frame/payload.ts';
import { benchChannel, type FloorServerCommands } from '../frame/roles.ts';

/** As the edge's: pings of the server must not make a difference. */
const idleTimeoutSeconds = 120;

const app = uWS.App();
/** How the next publication is handed out. */
let publish: (sequence: number, payloadBytes: number) => void;

function start({ encoding }: { readonly encoding?: Encoding }): Promise<{ port: number }> {
  publish = encoding === 'protobuf' ? protobufPublish() : jsonPublish();
  app.ws<undefined>('/*', {
    idleTimeout: idleTimeoutSeconds,
    maxBackpressure: 0,
    open: (ws) => void ws.subscribe(benchChannel),
  });
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket) => {
      if (socket === false) reject(new Error('the floor server cannot listen on 127.0.0.1'));
      else resolve({ port: uWS.us_socket_local_port(socket) });
    });
  });
}

/** The very frames that an edge makes, so that both servers send the same bytes. */
function jsonPublish(): typeof publish {
  const prefix = publicationPrefix({ channel: benchChannel });
  const frame = new PublicationFrameBuilder();
  return (sequence, payloadBytes) => {
    frame.reset().append(prefix, payload(sequence, payloadBytes), sequence + 1, Date.now());
    app.publish(benchChannel, frame.view(), false);
  };
}

function protobufPublish(): typeof publish {
  const prefix = protobufPublicationPrefix({ channel: benchChannel });
  const frame = new ProtobufPublicationFrameBuilder();
  return (sequence, payloadBytes) => {
    frame.reset().append(prefix, payload(sequence, payloadBytes), sequence + 1, Date.now());
    app.publish(benchChannel, frame.view(), true);
  };
}

const commands: FloorServerCommands = {
  start,
  publish: ({ load, payloadBytes }) => pace(load, (sequence) => publish(sequence, payloadBytes)),
  collectGarbage,
};
await serveCommands(commands);
process.exit();

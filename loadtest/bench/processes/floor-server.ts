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
import { benchChannel, type FloorServerCommands, publicationsOf, type Request } from '../frame/roles.ts';

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
    // `{"id":7,…` is answered with `{"id":7,"publish":{}}`.
    message: (ws, message) => {
      const text = Buffer.from(message).toString('latin1');
      ws.send(`${text.slice(0, text.indexOf(','))},"publish":{}}`);
    },
  });
  app.post('/api/:request', answer);
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket) => {
      if (socket === false) reject(new Error('the floor server cannot listen on 127.0.0.1'));
      else resolve({ port: uWS.us_socket_local_port(socket) });
    });
  });
}

const placeOf = '{"offset":1000,"epoch":"0123456789abcdef.4"}';

/** Bodies as the server API's, to be answered with. */
const answers: Readonly<Record<string, string>> = {
  publish: `{"result":${placeOf}}`,
  batch: `{"result":{"replies":[${listOf('batch', `{"publish":${placeOf}}`)}]}}`,
  broadcast: `{"result":{"responses":[${listOf('broadcast', `{"result":${placeOf}}`)}]}}`,
};

function listOf(request: Request, element: string): string {
  return new Array<string>(publicationsOf(request)).fill(element).join(',');
}

/** Once all of the request is there. */
function answer(response: uWS.HttpResponse, request: uWS.HttpRequest): void {
  const body = answers[request.getParameter(0)] ?? '';
  response.onAborted(() => undefined);
  response.onData((_chunk, isLast) => {
    if (isLast) response.cork(() => response.writeHeader('Content-Type', 'application/json').end(body));
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

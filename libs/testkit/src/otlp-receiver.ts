import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Collector } from './collector.ts';

/** A span that somebody has sent; ids in hex, `parentSpanId` empty where it is the first of its trace. */
export interface ReceivedSpan {
  /** `service.name` of whoever sent it. */
  readonly service: string;
  /** Its `service.instance.id`. */
  readonly instance: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
}

/** A collector of OpenTelemetry: takes spans by OTLP over HTTP, in JSON and in Protobuf. */
export class OtlpReceiver {
  readonly spans: Collector<ReceivedSpan> = new Collector();
  /** Of each request that brought spans. */
  readonly headers: IncomingHttpHeaders[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<OtlpReceiver> {
    const server = createServer();
    const receiver = new OtlpReceiver(server);
    server.on('request', (request, response) => void receiver.#take(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const isJson = request.headers['content-type'] === 'application/json';
    const isTraces = request.method === 'POST' && request.url === '/v1/traces';
    response.writeHead(isTraces ? 200 : 404, { 'content-type': request.headers['content-type'] ?? 'text/plain' });
    response.end(isJson ? '{}' : '');
    if (!isTraces) return;
    this.headers.push(request.headers);
    for (const span of isJson ? spansOfJson(body) : spansOfProtobuf(body)) this.spans.add(span);
  }
}

interface Json {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: { stringValue?: string } }[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly { traceId: string; spanId: string; parentSpanId?: string; name: string }[];
    }[];
  }[];
}

function spansOfJson(body: Buffer): ReceivedSpan[] {
  const { resourceSpans } = JSON.parse(body.toString()) as Json;
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const named = (name: string): string =>
      resource.attributes.find(({ key }) => key === name)?.value.stringValue ?? '';
    const from = { service: named('service.name'), instance: named('service.instance.id') };
    return scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId = '', name }) => ({ ...from, traceId, spanId, parentSpanId, name })),
    );
  });
}

/** Numbers of fields are those of opentelemetry/proto/trace/v1/trace.proto and what it includes. */
function spansOfProtobuf(body: Buffer): ReceivedSpan[] {
  return messages(body, 1).flatMap((resourceSpans) => {
    const attributes = messages(resourceSpans, 1).flatMap((resource) => messages(resource, 1));
    const named = (name: string): string => {
      const attribute = attributes.find((one) => text(one, 1) === name);
      return attribute === undefined ? '' : text(messages(attribute, 2)[0] ?? Buffer.alloc(0), 1);
    };
    const from = { service: named('service.name'), instance: named('service.instance.id') };
    const spans = messages(resourceSpans, 2).flatMap((scopeSpans) => messages(scopeSpans, 2));
    const hex = (span: Buffer, field: number): string => messages(span, field)[0]?.toString('hex') ?? '';
    return spans.map((span) => ({
      ...from,
      traceId: hex(span, 1),
      spanId: hex(span, 2),
      parentSpanId: hex(span, 4),
      name: text(span, 5),
    }));
  });
}

function text(message: Buffer, field: number): string {
  return messages(message, field)[0]?.toString() ?? '';
}

/** Every value of a field with a length: messages, texts, bytes. */
function messages(message: Buffer, wanted: number): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const type = tag & 7;
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else {
      const length = varint();
      if (tag >> 3 === wanted) found.push(message.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}

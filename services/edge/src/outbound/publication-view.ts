import type { PublicationCursor } from '@pharos/bus';
import {
  base64Encoding,
  classifyPayload,
  encodeClientInfo,
  encodeTags,
  encodingTag,
  type ClientInfo,
  type Encoding,
  ProtobufPublicationFrameBuilder,
  type RawData,
  type Publication,
  type PublicationFrameBuilder,
  renderText,
} from '@pharos/client-protocol';

import { chanInfoProperty, clientProperty, connInfoProperty, userProperty } from '../publishing-client.ts';

/** Names that begin so are Pharos's own; the trace context travels beside them. Neither is a tag. */
const reservedPrefix = 'pharos-';
const traceProperties: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

const noProperties: ReadonlyMap<string, string> = new Map();

export type FrameBuilder = PublicationFrameBuilder | ProtobufPublicationFrameBuilder;

/**
 * The publication under a cursor, looked at once for all its subscribers. Whatever its bytes are, they end up as data:
 * payload and properties can come from any program that may write to the topic.
 */
export class PublicationView {
  readonly #data: Buffer;
  readonly #properties: ReadonlyMap<string, string>;
  readonly #offset: number;
  readonly #timeMs: number;

  constructor(data: Buffer, properties: ReadonlyMap<string, string>, offset: number, timeMs: number) {
    this.#data = data;
    this.#properties = properties;
    this.#offset = offset;
    this.#timeMs = timeMs;
  }

  /** Takes what it needs as views: use it before the cursor moves on. */
  static at(cursor: PublicationCursor, publishTimeMs: number): PublicationView {
    return new PublicationView(
      cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd),
      cursor.hasProperties ? cursor.properties() : noProperties,
      cursor.offset,
      publishTimeMs,
    );
  }

  /** As plain-text clients get it. */
  text(): Buffer {
    return renderText(this.#data, this.#properties.get(clientProperty));
  }

  /** Appends it to a frame of its channel, in the frame's encoding: Protobuf takes the payload as it is. */
  appendTo(frame: FrameBuilder, prefix: Buffer): void {
    const info = this.#info();
    if (frame instanceof ProtobufPublicationFrameBuilder) {
      frame.append(prefix, this.#data, this.#offset, this.#timeMs, info, this.#tags(false));
      return;
    }
    const payload = classifyPayload(this.#data);
    const tags = this.#tags(payload.kind === 'binary');
    frame.append(
      prefix,
      payload.json,
      this.#offset,
      this.#timeMs,
      info === undefined ? undefined : encodeClientInfo(info),
      tags === undefined ? undefined : encodeTags(tags),
    );
  }

  /** As a reply of that encoding holds it; its data may be a view. */
  publication(encoding: Encoding): Publication {
    const common = { info: this.#info(), offset: this.#offset, timeMs: this.#timeMs };
    if (encoding === 'protobuf') return { ...common, data: this.#data, tags: this.#tags(false) };
    const payload = classifyPayload(this.#data);
    return { ...common, data: payload.json, tags: this.#tags(payload.kind === 'binary') };
  }

  #info(): ClientInfo | undefined {
    const client = this.#properties.get(clientProperty);
    const user = this.#properties.get(userProperty);
    if (client === undefined && user === undefined) return undefined;
    const [connInfo, chanInfo] = [this.#json(connInfoProperty), this.#json(chanInfoProperty)];
    return { client: client ?? '', user: user ?? '', connInfo, chanInfo };
  }

  /** A property that any program may have written: what is no JSON is a JSON string. */
  #json(property: string): RawData | undefined {
    const text = this.#properties.get(property);
    return text === undefined ? undefined : classifyPayload(Buffer.from(text)).json;
  }

  #tags(binary: boolean): Map<string, string> | undefined {
    let tags: Map<string, string> | undefined;
    for (const [name, value] of this.#properties) {
      if (name.startsWith(reservedPrefix) || traceProperties.has(name)) continue;
      tags ??= new Map();
      tags.set(name, value);
    }
    if (binary) {
      tags ??= new Map();
      tags.set(encodingTag, base64Encoding);
    }
    return tags;
  }
}

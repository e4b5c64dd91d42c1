import { deltaProperty, type PublicationCursor } from '@pharos/bus';
import {
  base64Encoding,
  classifyPayload,
  encodeClientInfo,
  encodeTags,
  encodingTag,
  jsonString,
  type Payload,
  type ClientInfo,
  type Encoding,
  ProtobufPublicationFrameBuilder,
  type RawData,
  type Publication,
  type PublicationFrameBuilder,
  renderText,
} from '@pharos/client-protocol';

import type { TraceCarrier } from '@pharos/telemetry';

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
  // Found out when somebody asks, once for all who do.
  #payload: Payload | undefined;
  #tags: ReadonlyMap<string, string> | undefined;

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

  get offset(): number {
    return this.#offset;
  }

  /** What its publisher is traced as. */
  get traceContext(): TraceCarrier {
    return { traceparent: this.#properties.get('traceparent'), tracestate: this.#properties.get('tracestate') };
  }

  /** As plain-text clients get it. */
  text(): Buffer {
    return renderText(this.#data, this.#properties.get(clientProperty));
  }

  /** Its tags, whatever its payload is: what filters look at. */
  get tags(): ReadonlyMap<string, string> {
    return (this.#tags ??= this.#readTags());
  }

  /** Its publisher wants it to go out as its difference to the one before, where that is shorter. */
  get asksForDelta(): boolean {
    return this.#properties.has(deltaProperty);
  }

  /** Its data as clients of the encoding know it: as JSON, or the bytes that were published. A view. */
  content(encoding: Encoding): Buffer {
    return encoding === 'json' ? this.#classified.json : this.#data;
  }

  /** Appends it to a frame of its channel, in the frame's encoding: Protobuf takes the payload as it is. */
  appendTo(frame: FrameBuilder, prefix: Buffer): void {
    const data = frame instanceof ProtobufPublicationFrameBuilder ? this.#data : this.#classified.json;
    this.appendAs(frame, prefix, data, false);
  }

  /** The same with other data in place of its own. @param isDelta it is a difference */
  appendAs(frame: FrameBuilder, prefix: Buffer, data: RawData, isDelta: boolean): void {
    const info = this.#info();
    if (isDelta) frame.asDelta();
    if (frame instanceof ProtobufPublicationFrameBuilder) {
      frame.append(prefix, data, this.#offset, this.#timeMs, info, this.#tagsIn('protobuf'));
      return;
    }
    const tags = this.#tagsIn('json');
    frame.append(
      prefix,
      data,
      this.#offset,
      this.#timeMs,
      info === undefined ? undefined : encodeClientInfo(info),
      tags === undefined ? undefined : encodeTags(tags),
    );
  }

  /**
   * As a reply of that encoding holds it; its data may be a view.
   *
   * @param forDelta to a client that takes deltas: in JSON its data is a JSON string of what it would be
   */
  publication(encoding: Encoding, forDelta = false): Publication {
    const content = this.content(encoding);
    return {
      info: this.#info(),
      offset: this.#offset,
      timeMs: this.#timeMs,
      data: forDelta && encoding === 'json' ? jsonString(content) : content,
      tags: this.#tagsIn(encoding),
    };
  }

  get #classified(): Payload {
    return (this.#payload ??= classifyPayload(this.#data));
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

  #tagsIn(encoding: Encoding): ReadonlyMap<string, string> | undefined {
    const { tags } = this;
    if (encoding === 'protobuf' || this.#classified.kind !== 'binary') return tags.size === 0 ? undefined : tags;
    return new Map([...tags, [encodingTag, base64Encoding]]);
  }

  #readTags(): ReadonlyMap<string, string> {
    let tags: Map<string, string> | undefined;
    for (const [name, value] of this.#properties) {
      if (name.startsWith(reservedPrefix) || traceProperties.has(name)) continue;
      tags ??= new Map();
      tags.set(name, value);
    }
    return tags ?? noProperties;
  }
}

import {
  deltaProperty,
  historyRemoveMarker,
  markerProperty,
  type NewPublication,
  skipHistoryProperty,
} from '@pharos/bus';

import { holdsFormat } from '@pharos/channels';

import { badRequest, notAvailable, toApiError } from '../api-error.ts';
import type { Place } from '../lanes/lane-watch.ts';
import type { FieldSpecs, Params } from '../params.ts';
import { type ApiContext, emptyResult, emptySchema, type Json, type Method, namespaceOf } from './method.ts';
import { errorJson } from './replies.ts';

const maxChannels = 10_000;
/** Publications of one broadcast that are on their way at the same time. */
const broadcastAtOnce = 256;

/** Pharos's own, and the trace context, which travels beside the tags. */
const reserved = /^pharos-|^trace(parent|state)$/;

const whatToPublish: FieldSpecs = {
  data: { type: 'json', description: 'What to publish: any JSON. This or `b64data`.' },
  b64data: { type: 'base64', description: 'What to publish: bytes in base64.' },
  tags: {
    type: 'tags',
    description:
      'Names and values that go along. Names that begin with `pharos-`, `traceparent` and `tracestate` are taken.',
  },
  skip_history: { type: 'boolean', description: 'Delivered live and kept in no history.' },
  idempotency_key: {
    type: 'string',
    description:
      'Within an hour the channel has one publication of this key, however often it is sent; at most 256 characters.',
  },
  delta: { type: 'boolean', description: 'May be sent as the difference from the one before it.' },
};

const place = {
  type: 'object',
  additionalProperties: false,
  description: 'Empty where the log has it, and its offset could not be found out.',
  properties: { offset: { type: 'integer' }, epoch: { type: 'string' } },
};

export const publish: Method = {
  name: 'publish',
  scope: 'publish',
  summary: 'Publishes into a channel. Answered when the log has it durably.',
  fields: { channel: { type: 'string', required: true, description: 'The channel.' }, ...whatToPublish },
  result: place,
  async run(params, context) {
    return placeJson(await publishInto(params.string('channel'), params, context));
  },
};

export const broadcast: Method = {
  name: 'broadcast',
  scope: 'publish',
  summary: 'Publishes the same into many channels. Each has a response of its own, in their order.',
  fields: {
    channels: { type: 'strings', required: true, description: 'The channels, at most 10,000.' },
    ...whatToPublish,
  },
  result: {
    type: 'object',
    required: ['responses'],
    additionalProperties: false,
    properties: { responses: { type: 'array', items: { $ref: '#/components/schemas/PublishResponse' } } },
  },
  async run(params, context) {
    const channels = params.strings('channels');
    if (channels.length > maxChannels) throw badRequest(`channels: more than ${maxChannels}`);
    // What is wrong with the publication is wrong in all of them.
    publicationOf('', params);
    const responses = new Array<Json>(channels.length);
    const next = channels.entries();
    const work = async (): Promise<void> => {
      for (const [index, channel] of next) responses[index] = await respond(channel, params, context);
    };
    await Promise.all(Array.from({ length: broadcastAtOnce }, work));
    return `{"responses":[${responses.join(',')}]}`;
  },
};

export const historyRemove: Method = {
  name: 'history_remove',
  scope: 'admin',
  summary: 'Removes what a channel has published so far from its history, wherever it is kept.',
  fields: { channel: { type: 'string', required: true, description: 'The channel.' } },
  result: emptySchema,
  async run(params, context) {
    const channel = params.string('channel');
    const { log } = namespaceOf(context, channel);
    const marker = {
      channel,
      data: Buffer.alloc(0),
      properties: { [markerProperty]: historyRemoveMarker },
    };
    await context.watches.of(log, channel).append(marker, context.publishTimeoutMs);
    return emptyResult;
  },
};

async function respond(channel: string, params: Params, context: ApiContext): Promise<Json> {
  try {
    return `{"result":${placeJson(await publishInto(channel, params, context))}}`;
  } catch (error) {
    const known = toApiError(error);
    if (known === undefined) throw error;
    return `{"error":${errorJson(known)}}`;
  }
}

async function publishInto(channel: string, params: Params, context: ApiContext): Promise<Place | undefined> {
  const namespace = namespaceOf(context, channel);
  const { log, options } = namespace;
  const publication = publicationOf(channel, params, options.delta_publish);
  if (!holdsFormat(namespace, publication.data))
    throw badRequest(`data: the namespace takes ${options.publication_data_format || 'no empty data'}`);
  const key = params.string('idempotency_key');
  const watch = context.watches.of(log, channel);
  if (key === '') return watch.append(publication, context.publishTimeoutMs);
  if (context.keyed === undefined) throw notAvailable('an idempotency_key needs a Redis (redis.url)');
  return context.keyed.publish(watch, publication, key, context.publishTimeoutMs);
}

/** @throws ApiError */
function publicationOf(channel: string, params: Params, deltaPublish = false): NewPublication {
  const json = params.json('data');
  const bytes = params.base64('b64data');
  if ((json === undefined) === (bytes === undefined)) throw badRequest('expected either data or b64data');
  const properties: Record<string, string> = {};
  for (const [name, value] of params.tags('tags')) {
    if (name === '' || reserved.test(name))
      throw badRequest(`tags[${JSON.stringify(name).slice(0, 100)}]: the name is taken`);
    properties[name] = value;
  }
  if (params.boolean('skip_history')) properties[skipHistoryProperty] = 'true';
  if (params.boolean('delta') || deltaPublish) properties[deltaProperty] = 'true';
  return { channel, data: json ?? bytes ?? Buffer.alloc(0), properties };
}

function placeJson(found: Place | undefined): Json {
  return found === undefined ? emptyResult : JSON.stringify({ offset: found.offset, epoch: found.epoch });
}

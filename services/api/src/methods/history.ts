import { setTimeout as delay } from 'node:timers/promises';

import { keepsHistory, type Namespace } from '@pharos/channels';
import { base64Encoding, classifyPayload, encodeClientInfo, encodingTag, errorCodes } from '@pharos/client-protocol';
import type { HistoryPage, HistoryStore, LaneId, StoredPublication } from '@pharos/history';

import { ApiError, badRequest, notAvailable } from '../api-error.ts';
import { type Json, type Method, namespaceOf } from './method.ts';

/** How often the store is asked whether it has what was published. */
const pollMs = 20;
/** Against channels whose history is larger than an answer should be: pages are for these. */
const maxAnswerBytes = 64 * 1024 * 1024;
const pagePublications = 1_000;

export const history: Method = {
  name: 'history',
  scope: 'read',
  summary: 'What was published into a channel, as far as the history store keeps it; a page at a time, or all of it.',
  fields: {
    channel: { type: 'string', required: true, description: 'The channel.' },
    limit: { type: 'integer', description: 'Publications at most; 0: only the position (the default); −1: all.' },
    since: { type: 'position', description: 'Begin after this position; with `reverse` before it.' },
    reverse: { type: 'boolean', description: 'Newest first.' },
  },
  result: {
    type: 'object',
    required: ['publications', 'offset', 'epoch'],
    additionalProperties: false,
    properties: {
      publications: { type: 'array', items: { $ref: '#/components/schemas/Publication' } },
      offset: { type: 'integer', description: 'Where to go on: the end of the lane where there is nothing more.' },
      epoch: { type: 'string' },
    },
  },
  async run(params, context) {
    const channel = params.string('channel');
    const namespace = namespaceOf(context, channel);
    if (!keepsHistory(namespace.options)) throw notAvailable('the namespace keeps no history');
    const store = context.history;
    if (store === undefined) throw notAvailable('history needs a store (redis.url)');
    const limit = params.integer('limit');
    if (limit < -1) throw badRequest('limit: expected −1 or more');
    const since = params.position('since');
    const deadlineAt = performance.now() + context.readTimeoutMs;
    const mark = await context.watches.of(namespace.log, channel).mark(context.readTimeoutMs);
    if (mark === undefined) throw notAvailable('the log gives no offsets');
    const { epoch, offset: head } = mark;
    if (since !== undefined && since.epoch !== '' && since.epoch !== epoch) {
      throw new ApiError(errorCodes.unrecoverablePosition, 'since: it is of another life of the log');
    }
    if (limit === 0) return JSON.stringify({ publications: [], offset: head, epoch });
    const lane = { log: namespace.log.topic, epoch, lane: namespace.log.laneOf(channel) };
    await hasAll(store, lane, head, deadlineAt);
    const query = { limit, since: sinceOf(since), reverse: params.boolean('reverse') };
    const page = await read(store, lane, channel, namespace, query);
    return `{"publications":[${page.publications.join(',')}],"offset":${page.next ?? Math.max(head, page.last)},"epoch":${JSON.stringify(epoch)}}`;
  },
};

/** Offset 0 of no epoch is the beginning. */
function sinceOf(since: { readonly offset: number; readonly epoch: string } | undefined): number | undefined {
  return since === undefined || (since.offset === 0 && since.epoch === '') ? undefined : since.offset;
}

/** Waits until the store has all that had been published when it was asked. @throws ApiError, HistoryError */
async function hasAll(store: HistoryStore, lane: LaneId, head: number, deadlineAt: number): Promise<void> {
  for (;;) {
    const state = await store.state(lane);
    if (state !== undefined && state.watermark >= head) return;
    if (performance.now() >= deadlineAt) {
      const what =
        state === undefined ? 'has nothing of the lane' : `is behind: it is at ${state.watermark} of ${head}`;
      throw new ApiError(errorCodes.internal, `the history store ${what}; does the service history run?`);
    }
    await delay(pollMs);
  }
}

interface Query {
  readonly limit: number;
  readonly since: number | undefined;
  readonly reverse: boolean;
}

interface Read {
  readonly publications: readonly Json[];
  /** Where to go on; undefined where there is nothing more. */
  readonly next: number | undefined;
  readonly last: number;
}

async function read(
  store: HistoryStore,
  lane: LaneId,
  channel: string,
  { options }: Namespace,
  query: Query,
): Promise<Read> {
  const limits = { size: options.history_size, ttlMs: options.history_ttl };
  const { limit, reverse } = query;
  const publications: Json[] = [];
  let { since } = query;
  let bytes = 0;
  let last = 0;
  for (;;) {
    const left = limit < 0 ? pagePublications : Math.min(pagePublications, limit - publications.length);
    const page = await store.history(lane, channel, {
      limit: left,
      reverse,
      limits,
      ...(since === undefined ? {} : { since }),
    });
    if (page === undefined) throw new ApiError(errorCodes.internal, 'the history store lost the lane');
    refuseGap(page, since, reverse);
    for (const publication of page.publications) {
      const json = publicationJson(publication);
      bytes += json.length;
      last = Math.max(last, publication.offset);
      publications.push(json);
    }
    if (bytes > maxAnswerBytes)
      throw new ApiError(errorCodes.limitExceeded, 'the answer would be too large: ask for pages, by limit and since');
    if (page.next === undefined) return { publications, next: undefined, last };
    since = page.next;
    if (limit >= 0 && publications.length >= limit) return { publications, next: since, last };
  }
}

/** To go on as if nothing was between would be a lie. */
function refuseGap(page: HistoryPage, since: number | undefined, reverse: boolean): void {
  if (reverse || since === undefined || page.missingThrough <= since) return;
  throw new ApiError(errorCodes.unrecoverablePosition, 'since: what follows it is no longer kept');
}

/** As clients of the JSON protocol get it. */
function publicationJson({ data, properties, offset, timeMs }: StoredPublication): Json {
  const payload = classifyPayload(data);
  const members = [`"data":${payload.json.toString()}`];
  const [client, user] = [properties.get('pharos-client'), properties.get('pharos-user')];
  if (client !== undefined || user !== undefined) {
    const [connInfo, chanInfo] = [infoOf(properties, 'pharos-info'), infoOf(properties, 'pharos-chan-info')];
    members.push(
      `"info":${encodeClientInfo({ client: client ?? '', user: user ?? '', connInfo, chanInfo }).toString()}`,
    );
  }
  members.push(`"offset":${offset}`);
  const tags = [...properties].filter(([name]) => !/^pharos-|^trace(parent|state)$/.test(name));
  if (payload.kind === 'binary') tags.push([encodingTag, base64Encoding]);
  if (tags.length > 0) members.push(`"tags":${JSON.stringify(Object.fromEntries(tags))}`);
  members.push(`"time":${timeMs}`);
  return `{${members.join(',')}}`;
}

function infoOf(properties: ReadonlyMap<string, string>, name: string): Buffer | undefined {
  const text = properties.get(name);
  return text === undefined ? undefined : Buffer.from(classifyPayload(Buffer.from(text)).json);
}

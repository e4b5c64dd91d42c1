import { isChannelName, keepsHistory, type Namespace } from '@pharos/channels';
import { type CommandOf, type ErrorCode, errorCodes, type Publication } from '@pharos/client-protocol';

import type { OlderPage, OlderWanted, PageLimits, PageQuery } from '../../outbound/history-page.ts';
import type { LaneFeed } from '../../outbound/lane-feed.ts';
import type { ClientSession } from '../client-session.ts';
import { PendingSubscribe } from '../subscription-set.ts';
import { makeRoom, olderMs, PutOff } from './overcome.ts';
import { may } from './permissions.ts';

type HistoryCommand = CommandOf<'history'>;

/** A command that was allowed. */
interface Asked {
  readonly session: ClientSession;
  readonly command: HistoryCommand;
  readonly namespace: Namespace;
  readonly feed: LaneFeed;
}

export function history(session: ClientSession, command: HistoryCommand): void {
  const { channel } = command.request;
  const namespace = session.context.namespaces.find(channel);
  const refusal = refuse(session, command, namespace);
  if (refusal !== undefined || namespace === undefined) {
    return session.replyError(command.id, refusal ?? errorCodes.unknownChannel);
  }
  const asked = { session, command, namespace, feed: session.context.hub.feedOf(namespace.log, channel) };
  if (asked.feed.attached && answer(asked) === undefined) return;
  session.waitFor(command.id, () => answerLater(asked));
}

function refuse(
  session: ClientSession,
  command: HistoryCommand,
  namespace: Namespace | undefined,
): ErrorCode | undefined {
  const { channel } = command.request;
  if (!isChannelName(channel)) return errorCodes.badRequest;
  if (namespace === undefined) return errorCodes.unknownChannel;
  const entry = session.subscriptions.get(channel);
  const subscribed = entry !== undefined && !(entry instanceof PendingSubscribe);
  if (!may('history', namespace, session, channel, subscribed)) return errorCodes.permissionDenied;
  if (!keepsHistory(namespace.options)) return errorCodes.notAvailable;
  return undefined;
}

async function answerLater(asked: Asked): Promise<void> {
  const { session, command, feed } = asked;
  try {
    let older: OlderPage | undefined;
    let asOf: number | undefined;
    const deadlineAt = performance.now() + session.context.limits.attachTimeoutMs + olderMs;
    for (;;) {
      await feed.ready(session.context.limits.attachTimeoutMs);
      if (session.closed) return;
      const obstacle = answer(asked, older);
      if (obstacle === undefined) return;
      if (performance.now() > deadlineAt) throw new PutOff('unavailable');
      if (obstacle === 'crowded') await makeRoom(session);
      else older = await readOlder(asked, obstacle, (asOf ??= obstacle.ringBegin), older, deadlineAt);
    }
  } catch (error) {
    if (session.closed) return;
    const outcome = error instanceof PutOff ? error.outcome : 'unavailable';
    session.context.metrics.historyPages.inc({ outcome });
    session.context.logger.debug({ err: error, client: session.id, lane: feed.lane }, 'a page of history was put off');
    session.replyError(command.id, errorCodes.internal);
  }
}

/** @throws PutOff, HistoryError */
async function readOlder(
  asked: Asked,
  wanted: OlderWanted,
  asOf: number,
  known: OlderPage | undefined,
  deadlineAt: number,
): Promise<OlderPage | undefined> {
  const { session, command, feed } = asked;
  const { channel, reverse } = command.request;
  const leftMs = (): number => Math.min(olderMs, deadlineAt - performance.now());
  const isBehind = known !== undefined && known.through < wanted.ringBegin;
  if (isBehind && !(await feed.stored(wanted.ringBegin, leftMs()))) throw new PutOff('unavailable');
  const { stored: limits } = pageLimits(session, asked.namespace);
  const { replay } = asked.namespace.options;
  const older = await feed.olderPage({ wanted, asOf, reverse, limits, deadlineAt }, channel, replay);
  if (older === undefined && !(await feed.stored(wanted.ringBegin, leftMs()))) throw new PutOff('unavailable');
  return older;
}

/** Answers in this turn, or says what it takes first. */
function answer(asked: Asked, older?: OlderPage): OlderWanted | 'crowded' | undefined {
  const { session, command, namespace, feed } = asked;
  const { channel, limit, since, reverse } = command.request;
  if (!feed.recoverable) return refuseLate(asked, errorCodes.notAvailable, 'unavailable');
  if (since !== undefined && since.epoch !== '' && since.epoch !== feed.epoch) {
    return refuseLate(asked, errorCodes.unrecoverablePosition, 'epoch');
  }
  if (limit === 0) {
    reply(asked, { offset: feed.head, publications: [] });
    session.context.metrics.historyPages.inc({ outcome: 'position' });
    return undefined;
  }
  const most = session.context.limits.historyPublications;
  const query: PageQuery = { limit: limit < 0 ? most : Math.min(limit, most), since: since?.offset, reverse };
  const seen = namespace.options.replay ? { size: Infinity, ttlMs: Infinity } : {};
  const page = feed.page(channel, query, { ...pageLimits(session, namespace), ...seen }, older);
  if (page.kind === 'wanted') return page.wanted;
  if (page.kind === 'crowded') return 'crowded';
  if (page.kind === 'gone') return refuseLate(asked, errorCodes.unrecoverablePosition, 'gone');
  if (page.kind === 'too-large') return refuseLate(asked, errorCodes.limitExceeded, 'too_large');
  reply(asked, page);
  session.context.metrics.historyPages.inc({ outcome: page.tier });
  return undefined;
}

function reply(
  { session, command, feed }: Asked,
  page: { readonly offset: number; readonly publications: readonly Publication[] },
): void {
  const { publications, offset } = page;
  session.reply({ method: 'history', id: command.id, result: { publications, offset, epoch: feed.epoch } });
}

function refuseLate({ session, command }: Asked, code: ErrorCode, outcome: string): undefined {
  session.context.metrics.historyPages.inc({ outcome });
  session.replyError(command.id, code);
  return undefined;
}

export function pageLimits(session: ClientSession, { options }: Namespace): PageLimits {
  const { queueBytes } = session.context.limits;
  const stored = { size: options.history_size, ttlMs: options.history_ttl };
  return {
    encoding: session.codec.encoding,
    ...stored,
    stored,
    maxBytes: queueBytes / 2,
    roomBytes: (queueBytes - session.socket.bufferedAmount()) / 2,
  };
}

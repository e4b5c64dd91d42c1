import type { SubscribeRequest, SubscribeResult } from '@pharos/client-protocol';

import type { ClientSession } from './client-session.ts';
import { makeRoom, PutOff } from './commands/overcome.ts';
import type { Grant } from './grant.ts';
import { Joining, type Ready } from './joining.ts';

/**
 * Subscribes a session to channels by the server's doing. All are joined in one turn, and `answer` is called in that turn: what comes live
 * comes after it. False where that can't be now; then none is joined.
 *
 * @param positions where the client was in channels that it was in before
 * @param answerBytes what the answer takes without what was missed
 */
export async function joinAll(
  session: ClientSession,
  grants: ReadonlyMap<string, Grant>,
  positions: ReadonlyMap<string, SubscribeRequest>,
  answerBytes: number,
  answer: (results: ReadonlyMap<string, SubscribeResult>) => void,
): Promise<boolean> {
  const joinings = [...grants].flatMap(([channel, grant]) => {
    const namespace = session.context.namespaces.find(channel);
    if (namespace === undefined) return [];
    return [new Joining(session, namespace, requestFor(channel, positions.get(channel)), grant)];
  });
  try {
    for (;;) {
      const ready = look(joinings, answerBytes);
      if (ready !== undefined) {
        answer(enterAll(joinings, ready));
        return true;
      }
      let isWaiting = false;
      for (const joining of joinings) {
        if (!joining.attached) {
          isWaiting = true;
          await joining.ready();
        }
        const obstacle = joining.attached ? joining.look(answerBytes) : undefined;
        if (obstacle !== undefined && obstacle.kind !== 'ready') {
          isWaiting = true;
          await joining.overcome(obstacle);
        }
        if (session.closed) return false;
      }
      // Each could be answered now, and all together only when the connection has taken more of what was sent before.
      if (!isWaiting) await makeRoom(session);
    }
  } catch (error) {
    if (error instanceof PutOff) session.context.metrics.recoveries.inc({ outcome: error.outcome });
    session.context.logger.debug({ err: error, client: session.id }, 'a connect waited in vain for its channels');
    return false;
  }
}

/** What can be answered, where all can. What all missed is in one answer: where that has no room for what one did, that one is not recovered. */
function look(joinings: readonly Joining[], answerBytes: number): Ready[] | undefined {
  const ready: Ready[] = [];
  let bytes = answerBytes;
  for (const joining of joinings) {
    if (!joining.attached) return undefined;
    const outcome = joining.look(bytes);
    if (outcome.kind !== 'ready') return undefined;
    ready.push(outcome);
    bytes += joining.missedBytes(outcome);
  }
  return ready;
}

function enterAll(joinings: readonly Joining[], ready: readonly Ready[]): ReadonlyMap<string, SubscribeResult> {
  const results = new Map<string, SubscribeResult>();
  for (const [index, joining] of joinings.entries()) {
    const outcome = joining.enter(ready[index] as Ready);
    // It isn't asked for with the flag that makes an error of a position that can't be recovered.
    if (!('code' in outcome)) results.set(joining.channel, outcome);
  }
  return results;
}

/** As a client would ask for it. */
export function requestFor(channel: string, position: SubscribeRequest | undefined): SubscribeRequest {
  return {
    channel,
    token: '',
    recover: position?.recover ?? false,
    epoch: position?.epoch ?? '',
    offset: position?.offset ?? 0,
    data: undefined,
    positioned: false,
    recoverable: false,
    joinLeave: false,
    delta: '',
    filter: undefined,
    flag: 0,
  };
}

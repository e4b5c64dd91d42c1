import { createHash } from 'node:crypto';

import { type RedisClient, type RedisReply, RedisScript } from '@pharos/redis';

import type { LaneMark, Place } from '../lanes/lane-watch.ts';
import {
  type Claim,
  defaultHoldMs,
  type IdempotencyStore,
  type KeyedPublish,
  type Publisher,
  windowMs,
} from './port.ts';

export interface RedisIdempotencyOptions {
  readonly keyPrefix: string;
  readonly holdMs?: number;
}

// The hash: `o` who publishes, `l` until when it is held (milliseconds by the server's clock), the mark `h` `p` `e` (offset, position, epoch), and once it
// is done `d` = 1 with the place `r` `q` (offset, epoch; both empty where it isn't known).
const clock = `local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;

const claimScript = new RedisScript(
  'idempotency-claim',
  `${clock}local v = redis.call('HMGET', KEYS[1], 'o', 'l', 'h', 'p', 'e', 'd', 'r', 'q')
local held = now + ARGV[2]
if not v[1] then
  redis.call('HSET', KEYS[1], 'o', ARGV[1], 'l', held, 'h', ARGV[4], 'p', ARGV[5], 'e', ARGV[6])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'mine'}
end
if v[6] then return {'done', v[7], v[8]} end
-- Sent twice, as a Cluster's driver may: it is this very publisher's already, which has not begun.
if v[1] == ARGV[1] then return {'mine'} end
if tonumber(v[2]) > now then return {'busy'} end
redis.call('HSET', KEYS[1], 'o', ARGV[1], 'l', held)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'abandoned', v[3], v[4], v[5]}
`,
);

const own = `if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'd') == 1 then return 0 end
`;

const holdScript = new RedisScript(
  'idempotency-hold',
  `${clock}${own}redis.call('HSET', KEYS[1], 'l', now + ARGV[2])
if ARGV[3] then redis.call('HSET', KEYS[1], 'h', ARGV[3], 'p', ARGV[4], 'e', ARGV[5]) end
return 1
`,
);

const doneScript = new RedisScript(
  'idempotency-done',
  `${own}redis.call('HSET', KEYS[1], 'd', 1, 'r', ARGV[3], 'q', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`,
);

const releaseScript = new RedisScript('idempotency-release', `${own}redis.call('DEL', KEYS[1])\nreturn 1\n`);
const abandonScript = new RedisScript('idempotency-abandon', `${own}redis.call('HSET', KEYS[1], 'l', 0)\nreturn 1\n`);

/** Shared by all replicas. The connection belongs to who made it. */
export class RedisIdempotency implements IdempotencyStore {
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #holdMs: number;

  constructor(client: RedisClient, options: RedisIdempotencyOptions) {
    this.#client = client;
    this.#prefix = options.keyPrefix;
    this.#holdMs = options.holdMs ?? defaultHoldMs;
  }

  async claim(publish: KeyedPublish, publisher: Publisher, mark: LaneMark): Promise<Claim> {
    const { offset, position, epoch } = mark;
    const reply = await this.#run(claimScript, publish, [publisher, this.#holdMs, windowMs, offset, position, epoch]);
    const [kind, ...rest] = (Array.isArray(reply) ? reply : [reply]).map((item: RedisReply) => String(item));
    if (kind === 'mine' || kind === 'busy') return { kind };
    const [first = '', second = '', third = ''] = rest;
    if (kind === 'done') return { kind, place: first === '' ? undefined : { offset: Number(first), epoch: second } };
    return { kind: 'abandoned', mark: { offset: Number(first), position: second, epoch: third } };
  }

  async hold(publish: KeyedPublish, publisher: Publisher, mark?: LaneMark): Promise<boolean> {
    const more = mark === undefined ? [] : [mark.offset, mark.position, mark.epoch];
    return (await this.#run(holdScript, publish, [publisher, this.#holdMs, ...more])) === 1;
  }

  async done(publish: KeyedPublish, publisher: Publisher, place: Place | undefined): Promise<void> {
    await this.#run(doneScript, publish, [publisher, windowMs, place?.offset ?? '', place?.epoch ?? '']);
  }

  async release(publish: KeyedPublish, publisher: Publisher): Promise<void> {
    await this.#run(releaseScript, publish, [publisher]);
  }

  async abandon(publish: KeyedPublish, publisher: Publisher): Promise<void> {
    await this.#run(abandonScript, publish, [publisher]);
  }

  #run(script: RedisScript, publish: KeyedPublish, args: readonly (string | number)[]): Promise<RedisReply> {
    return this.#client.script({ script, keys: [this.#key(publish)], args });
  }

  /** What others choose decides nothing about where it lives. */
  #key({ log, channel, key }: KeyedPublish): string {
    const hash = createHash('sha256')
      .update(JSON.stringify([log, channel, key]))
      .digest('hex');
    return `${this.#prefix}:idempotency:{${hash}}`;
  }
}

import { createHash } from 'node:crypto';

/** What Redis answers a script, strings as bytes. */
export type RedisReply = Buffer | number | null | readonly RedisReply[];

export type RedisArgument = string | number | Buffer;

/** A Lua script with the digest by which a server that has it runs it. */
export class RedisScript {
  /** For messages. */
  readonly name: string;
  readonly source: string;
  readonly sha1: string;

  constructor(name: string, source: string) {
    this.name = name;
    this.source = source;
    this.sha1 = createHash('sha1').update(source).digest('hex');
  }
}

/** One run of a script. All its keys carry the same tag, so that a Cluster has them on one node. */
export interface ScriptCall {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  readonly args: readonly RedisArgument[];
}

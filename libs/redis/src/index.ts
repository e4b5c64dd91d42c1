export { RedisClient } from './client.ts';
export { RedisError, type RedisErrorCode, redisErrors, type StoreFailure, storeFailure } from './errors.ts';
export type {
  ClusterOptions,
  RedisAddress,
  RedisOptions,
  SentinelOptions,
  StandaloneOptions,
} from './options.ts';
export { type RedisArgument, type RedisReply, RedisScript, type ScriptCall } from './script.ts';

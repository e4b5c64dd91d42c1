export { PresenceError, type PresenceErrorCode, presenceErrors } from './errors.ts';
export { LeaveIds } from './leave-ids.ts';
export { MemoryPresence, type MemoryPresenceOptions } from './memory/memory-presence.ts';
export { type AnnounceReason, PresenceNode, type PresenceNodeOptions } from './node/presence-node.ts';
export type * from './port.ts';
export { Reaper, type ReaperOptions } from './reaper.ts';
export { RedisPresence, type RedisPresenceOptions } from './redis/redis-presence.ts';

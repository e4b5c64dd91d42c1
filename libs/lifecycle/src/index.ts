export { Backoff, type BackoffOptions } from './backoff.ts';
export { Deferred } from './deferred.ts';
export { DeadlineExceeded, withDeadline } from './deadline.ts';
export { runProcess, type ProcessOptions } from './process.ts';
export type { Service } from './service.ts';

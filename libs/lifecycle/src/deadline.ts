/** Thrown by {@link withDeadline} when the time is up. */
export class DeadlineExceeded extends Error {
  readonly deadlineMs: number;

  constructor(what: string, deadlineMs: number) {
    super(`${what} took longer than ${deadlineMs} ms`);
    this.name = 'DeadlineExceeded';
    this.deadlineMs = deadlineMs;
  }
}

/**
 * Waits for `promise`, but at most `deadlineMs`; then throws {@link DeadlineExceeded}, which names `what` was waited for.
 *
 * The promise itself goes on; a later rejection of it is swallowed, because nobody waits for it any more.
 */
export async function withDeadline<T>(promise: Promise<T>, deadlineMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DeadlineExceeded(what, deadlineMs)), deadlineMs);
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

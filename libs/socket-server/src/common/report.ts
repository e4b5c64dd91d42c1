/** Tells of a failure that is neither a caller's mistake nor a client's. */
export type Report = (error: unknown, context: string) => void;

/** Where nobody listens, a handler's failure ends the process like any uncaught exception: it must not vanish. */
export const crash: Report = (error) => {
  queueMicrotask(() => {
    throw error;
  });
};

/** Descriptors that are not clients': the runtime, the broker's connections, listeners, log files. */
const reserve = 256;
const fallback = 10_000;

/** How many connections the process can hold: its soft limit of open descriptors, less a reserve. @param report what Node.js says of the process */
export function defaultConnectionLimit(report: unknown = process.report.getReport()): number {
  const limits = (report as { userLimits?: { open_files?: { soft?: number | string } } } | undefined)?.userLimits;
  const soft = Number(limits?.open_files?.soft);
  return Number.isFinite(soft) && soft > reserve * 2 ? soft - reserve : fallback;
}

/** Descriptors that are not clients': the runtime, the broker's connections, listeners, log files. */
const reserve = 256;
const fallback = 10_000;

/** How many connections the process can hold: its soft limit of open descriptors, less a reserve. */
export function defaultConnectionLimit(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } } | undefined;
  const soft = Number(report?.userLimits?.open_files?.soft);
  return Number.isFinite(soft) && soft > reserve * 2 ? soft - reserve : fallback;
}

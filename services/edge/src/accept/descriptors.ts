/** Descriptors that are not clients': the runtime, the broker's connections, listeners, log files. */
const reserve = 256;
const fallback = 10_000;
/** What Node.js says of the process: the same for all its life. */
let ownReport: unknown;

/** How many connections the process can hold: its soft limit of open descriptors, less a reserve. @param report what Node.js says of the process */
export function defaultConnectionLimit(report: unknown = (ownReport ??= reportOfProcess())): number {
  const limits = (report as { userLimits?: { open_files?: { soft?: number | string } } } | undefined)?.userLimits;
  const soft = Number(limits?.open_files?.soft);
  return Number.isFinite(soft) && soft > reserve * 2 ? soft - reserve : fallback;
}

/** Without the network: for each open socket Node.js would ask a name server, and let the whole process wait for the answer. */
function reportOfProcess(): unknown {
  const settings: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const before = settings.excludeNetwork;
  settings.excludeNetwork = true;
  try {
    return process.report.getReport();
  } finally {
    settings.excludeNetwork = before ?? false;
  }
}

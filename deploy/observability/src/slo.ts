/** The objectives: what share of events may go wrong, and how an event is counted. Dashboards, rules and runbook go by this. */
export interface Objective {
  /** In the names of recorded series. */
  readonly id: string;
  readonly title: string;
  /** Share that is to go well. */
  readonly target: number;
  /** Of alerts. */
  readonly alert: string;
  /** Events that went wrong, and all that count, a second over `[$window]`. */
  readonly bad: (window: string) => string;
  readonly all: (window: string) => string;
  /** Fewer events than this in the long window say nothing. */
  readonly minEvents: number;
  readonly summary: string;
  readonly meaning: string;
  /** What one event is, and what nobody counts: so that the number isn't taken for more. In dashboard E and in the runbook. */
  readonly counted: string;
}

const by = 'sum by (cluster, namespace)';

/** A delivery is in time where it takes at most this long, in seconds; a bucket of the histogram. */
export const inTimeSeconds = 0.5;

export const objectives: readonly Objective[] = [
  {
    id: 'connects',
    title: 'Clients get in',
    target: 0.999,
    alert: 'PharosConnectBudgetBurn',
    // Clients' own faults (a bad token, a bad request) and full stops that are asked for (drain, origin, address limit) don't count.
    bad: (window) =>
      `(${by} (rate(pharos_edge_connects_total{outcome=~"100|3004"}[${window}])) + ${by} (rate(pharos_edge_connections_refused_total{reason=~"connection_limit|connection_rate"}[${window}])))`,
    all: (window) =>
      `(${by} (rate(pharos_edge_connects_total{outcome=~"ok|100|3004"}[${window}])) + ${by} (rate(pharos_edge_connections_refused_total{reason=~"connection_limit|connection_rate"}[${window}])))`,
    minEvents: 100,
    summary: 'Clients fail to connect',
    meaning: 'connects fail by the fault of the service',
    counted:
      'An event is a protocol client that asks to come in, or a connection that is refused for want of room. Who does not get as far as an edge (DNS, load balancer, network) is not counted.',
  },
  {
    id: 'deliveries',
    title: `Delivered within ${inTimeSeconds * 1000} ms`,
    target: 0.999,
    alert: 'PharosDeliveryBudgetBurn',
    bad: (window) =>
      `clamp_min(${by} (rate(pharos_edge_delivery_seconds_count[${window}])) - ${by} (rate(pharos_edge_delivery_seconds_bucket{le="${inTimeSeconds}"}[${window}])), 0)`,
    all: (window) => `${by} (rate(pharos_edge_delivery_seconds_count[${window}]))`,
    minEvents: 1000,
    summary: 'Publications reach clients late',
    meaning: `deliveries take longer than ${inTimeSeconds * 1000} ms from the log to the sockets`,
    counted:
      'An event is a flush of an edge, by its oldest publication, whether one client gets it or ten thousand; it ends where the frames are with the sockets. What the network to the client takes, and what waits there for a slow one, is not in it.',
  },
  {
    id: 'completeness',
    title: 'Delivered of what was published',
    target: 0.9999,
    alert: 'PharosLossBudgetBurn',
    bad: (window) => `${by} (rate(pharos_edge_publications_lost_total[${window}]))`,
    all: (window) =>
      `(${by} (rate(pharos_edge_publications_read_total{interest="local"}[${window}])) + ${by} (rate(pharos_edge_publications_lost_total[${window}])))`,
    minEvents: 1000,
    summary: 'Publications are gone before edges could read them',
    meaning: 'publications were gone from the log before an edge could deliver them',
    counted:
      'An event is a publication that an edge read for somebody, once for each edge; lost ones count whether or not somebody here was subscribed, for nobody can tell any more. What a client did not read before it was ended (3008) and what it missed while it was away are not in it: that is what resumes are for.',
  },
];

export const windows = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;
export type Window = (typeof windows)[number];

export const windowSeconds: Readonly<Record<Window, number>> = {
  '5m': 300,
  '30m': 1_800,
  '1h': 3_600,
  '2h': 7_200,
  '6h': 21_600,
  '1d': 86_400,
  '3d': 259_200,
};

/** How many times faster than allowed the budget may be used up, over two windows, before somebody is told. */
export const burns: readonly {
  readonly factor: number;
  readonly long: Window;
  readonly short: Window;
  readonly severity: 'critical' | 'warning';
}[] = [
  { factor: 14.4, long: '1h', short: '5m', severity: 'critical' },
  { factor: 6, long: '6h', short: '30m', severity: 'critical' },
  { factor: 3, long: '1d', short: '2h', severity: 'warning' },
  { factor: 1, long: '3d', short: '6h', severity: 'warning' },
];

/** Recorded: the share of events that went wrong. */
export function errorRatio({ id }: Objective, window: Window): string {
  return `namespace:pharos_${id}_errors:ratio_rate${window}`;
}

/** Recorded: events a second. */
export function eventRate({ id }: Objective, window: Window): string {
  return `namespace:pharos_${id}:rate${window}`;
}

import { alertRule, type AlertSpec, type RuleGroup } from './rule.ts';

const ns = 'cluster, namespace';
const ofPharos = 'and on (job, instance) pharos_build_info';
const where = 'namespace {{ $labels.namespace }}';
const pod = '{{ $labels.pod }} ({{ $labels.namespace }})';

/** What was there within this time is missed; longer than a weekend on which nobody looks. Afterwards it was taken away for good. */
const missedFor = '3d';

const processes: AlertSpec[] = [
  {
    name: 'PharosTargetDown',
    severity: 'critical',
    // Jobs are called `api` or `edge` elsewhere too: only those of the namespace and cluster count that Pharos runs in.
    expr: `up == 0 and on (${ns}, job) count by (${ns}, job) (max_over_time(pharos_build_info[${missedFor}]))`,
    for: '5m',
    summary: 'A process of Pharos can not be scraped',
    description:
      '{{ $labels.instance }} of job {{ $labels.job }} ({{ $labels.namespace }}) gave no metrics for 5 minutes: it is down, or not reachable from Prometheus.',
  },
  {
    name: 'PharosAbsent',
    severity: 'critical',
    expr: 'absent(pharos_build_info)',
    for: '5m',
    summary: 'There are no metrics of Pharos at all',
    description: 'Nothing of Pharos was scraped for 5 minutes: every other alert is blind.',
  },
  {
    name: 'PharosServiceAbsent',
    severity: 'critical',
    expr: `count by (${ns}, service) (max_over_time(pharos_build_info[${missedFor}])) unless count by (${ns}, service) (pharos_build_info)`,
    for: '5m',
    summary: 'A service of Pharos is gone as a whole',
    description: `Of the service {{ $labels.service }} (${where}) nothing was scraped for 5 minutes, though it was within three days: alerts on what it measures are blind.`,
  },
  {
    name: 'PharosNotReady',
    severity: 'warning',
    expr: 'pharos_ready == 0 and pharos_draining == 0',
    for: '10m',
    summary: 'A process does not become ready',
    description: `${pod} is neither ready nor draining for 10 minutes; its /health/ready says why.`,
  },
  {
    name: 'PharosDescriptorsNearLimit',
    severity: 'warning',
    expr: `process_open_fds / process_max_fds > 0.8 ${ofPharos}`,
    for: '10m',
    summary: 'A process runs out of file descriptors',
    description: `${pod} uses {{ $value | humanizePercentage }} of the descriptors that it may open; each connection takes one.`,
  },
  {
    name: 'PharosHeapNearLimit',
    severity: 'warning',
    expr: 'nodejs_heap_size_used_bytes / pharos_process_heap_limit_bytes > 0.85',
    for: '15m',
    summary: 'A process runs out of heap',
    description: `${pod} uses {{ $value | humanizePercentage }} of its heap; at the limit it ends, and its clients reconnect.`,
  },
  {
    name: 'PharosMemoryNearLimit',
    severity: 'warning',
    expr: 'process_resident_memory_bytes / (pharos_process_memory_limit_bytes > 0) > 0.85',
    for: '10m',
    summary: 'A process runs out of memory',
    description: `${pod} uses {{ $value | humanizePercentage }} of the memory that its container may; at the limit the kernel ends it, and its clients reconnect.`,
  },
  {
    name: 'PharosEventLoopFull',
    severity: 'warning',
    expr: 'rate(pharos_process_event_loop_active_seconds_total[5m]) > 0.85',
    for: '10m',
    summary: 'A process has no time left',
    description: `The event loop of ${pod} works {{ $value | humanizePercentage }} of the time: deliveries wait, and pings are late.`,
  },
  {
    name: 'PharosEventLoopLag',
    severity: 'warning',
    expr: `nodejs_eventloop_lag_p99_seconds - 0.1 > 0.25 ${ofPharos}`,
    for: '10m',
    summary: 'Single turns of the event loop are too long',
    description: `In ${pod} one turn in a hundred takes {{ $value | humanizeDuration }}: something works long in one piece.`,
  },
  {
    name: 'PharosConfigRefused',
    severity: 'warning',
    expr: 'pharos_config_refused == 1',
    summary: 'A changed configuration was refused',
    description: `${pod} goes on with its old configuration: the new one has mistakes, which its log names. It would not start with it.`,
  },
  {
    name: 'PharosCertificateExpires',
    severity: 'warning',
    expr: 'pharos_tls_certificate_expiry_timestamp_seconds > 0 and pharos_tls_certificate_expiry_timestamp_seconds - time() < 14 * 86400',
    for: '1h',
    summary: 'The certificate of a listener expires soon',
    description: `The certificate of ${pod} has less than 14 days left.`,
  },
];

const connections = `sum by (${ns}) (pharos_edge_connections)`;
const connectionsBefore = `sum by (${ns}) (pharos_edge_connections offset 5m)`;

/** Edges alone: what else drains has no clients. */
const unlessEdgesDrain = (within: string): string =>
  `unless on (${ns}) max by (${ns}) (max_over_time(pharos_edge_draining[${within}])) == 1`;

const opened = `sum by (${ns}) (rate(pharos_edge_connections_opened_total[10m]))`;
/** Those who leave of their own accord say so in a close frame: a page that is closed, an application that has enough. */
const left = `sum by (${ns}) (rate(pharos_edge_connections_closed_total{code=~"1000|1001"}[10m]))`;
const torn = `(${opened} - (${left} or 0 * ${opened}))`;
const slow = `sum by (${ns}) (increase(pharos_edge_slow_connections_total[10m]))`;

const ofHpa = (what: string): string =>
  `max by (${ns}, horizontalpodautoscaler) (kube_horizontalpodautoscaler_${what})`;

const clients: AlertSpec[] = [
  {
    name: 'PharosMassDisconnect',
    severity: 'critical',
    // Where all edges are gone there is no sum: that is none, too.
    expr:
      `(${connections} or 0 * ${connectionsBefore}) < 0.7 * ${connectionsBefore} and ${connectionsBefore} > 100 ` +
      unlessEdgesDrain('10m'),
    for: '1m',
    summary: 'Many clients are gone at once',
    description: `In ${where} there are less than 70 % of the connections of 5 minutes ago, and no edge drains.`,
  },
  {
    name: 'PharosConnectionsNearLimit',
    severity: 'warning',
    expr: `sum by (${ns}) (pharos_edge_connections) / sum by (${ns}) (pharos_edge_connection_limit) > 0.85`,
    for: '10m',
    summary: 'Edges are nearly full',
    description: `In ${where} {{ $value | humanizePercentage }} of the connections that edges take are in use; one edge that dies may not fit into the others.`,
  },
  {
    name: 'PharosConnectionSkew',
    severity: 'warning',
    expr:
      `max by (${ns}) (sum by (${ns}, pod) (pharos_edge_connections)) / avg by (${ns}) (sum by (${ns}, pod) (pharos_edge_connections)) > 2 ` +
      `and max by (${ns}) (sum by (${ns}, pod) (pharos_edge_connections)) > 1000`,
    for: '30m',
    summary: 'One edge has far more clients than the others',
    description: `In ${where} the fullest edge has {{ $value | humanize }} times the mean.`,
  },
  {
    name: 'PharosReconnectRate',
    severity: 'warning',
    // Proxies cut after a minute, or four, or five; a phone finds another network less often.
    expr: `${torn} / ${connections} > 0.0025 and ${torn} > 1 ${unlessEdgesDrain('15m')}`,
    for: '15m',
    summary: 'Clients come and go',
    description: `In ${where} clients connect as if each were cut within seven minutes, and no edge drains; the close codes say why they go.`,
  },
  {
    name: 'PharosSlowClients',
    severity: 'warning',
    expr: `${slow} / ${connections} > 0.1 and ${slow} > 20`,
    for: '10m',
    summary: 'Many clients read too slowly',
    description: `In ${where} {{ $value | humanizePercentage }} of the connections were ended with code 3008 within ten minutes: some channel is faster than what its clients' networks take.`,
  },
  {
    name: 'PharosHpaAtMax',
    severity: 'warning',
    // Told from those of others by what it scales, whatever that is called: a Deployment or StatefulSet of the same name (KEDA puts
    // `keda-hpa-` before it), whose pods are Pharos's. Where it can't scale at all it is no news that it doesn't.
    expr:
      `label_replace(${ofHpa('status_current_replicas')} >= ${ofHpa('spec_max_replicas')} ` +
      `and ${ofHpa('spec_max_replicas')} > ${ofHpa('spec_min_replicas')}, ` +
      '"workload", "$1", "horizontalpodautoscaler", "(?:keda-hpa-)?(.+)") ' +
      `and on (${ns}, workload) label_replace(pharos_build_info, ` +
      '"workload", "$1", "pod", "(.+?)-(?:[a-z0-9]+-[a-z0-9]{5}|[0-9]+)")',
    for: '15m',
    summary: 'The autoscaler is at its end',
    description:
      '{{ $labels.horizontalpodautoscaler }} ({{ $labels.namespace }}) has as many replicas as it may for 15 minutes.',
  },
];

function proxyFailures(service: string): string {
  const calls = (matchers: string): string =>
    `sum by (${ns}, job, kind, proxy) (rate(pharos_${service}_proxy_calls_total${matchers}[5m]))`;
  return `${calls('{outcome=~"queue_full|timeout|unreachable|broken|status|too_large|invalid"}')} / ${calls('')}`;
}

const messages: AlertSpec[] = [
  {
    name: 'PharosPublishesFail',
    severity: 'critical',
    expr: `sum by (${ns}) (rate(pharos_edge_publishes_total{outcome!="ok"}[5m])) / sum by (${ns}) (rate(pharos_edge_publishes_total[5m])) > 0.05`,
    for: '5m',
    summary: 'Publishes of clients fail',
    description: `In ${where} {{ $value | humanizePercentage }} of the publishes of clients did not get into the log.`,
  },
  {
    name: 'PharosPublicationsLost',
    severity: 'warning',
    expr: `sum by (${ns}) (increase(pharos_edge_publications_lost_total[15m])) > 0`,
    summary: 'Publications were gone before edges could read them',
    description: `In ${where} about {{ $value | humanize }} publications in 15 minutes; subscribers were told (2500).`,
  },
  {
    name: 'PharosControlLost',
    severity: 'critical',
    expr: `sum by (${ns}) (increase(pharos_edge_control_total{command="lost"}[15m])) > 0`,
    summary: 'Orders to edges were lost',
    description: `In ${where} edges lost what came over the control topics: who was to be disconnected or unsubscribed may still be in.`,
  },
  {
    name: 'PharosEntriesDamaged',
    severity: 'warning',
    expr: `sum by (${ns}, pod) (increase(pharos_pulsar_damaged_total[15m])) > 0`,
    summary: 'Entries of the log come damaged',
    description: `${pod} got about {{ $value | humanize }} entries in 15 minutes whose checksum is wrong, or that are malformed; what was in them is lost there.`,
  },
  {
    name: 'PharosLanesUnrecoverable',
    severity: 'warning',
    expr: `sum by (${ns}, pod, reason) (pharos_edge_lanes_unrecoverable) > 0`,
    for: '5m',
    summary: 'Clients can not resume',
    description: `{{ $value }} lanes of ${pod} are delivered live only ({{ $labels.reason }}): who was away misses what came meanwhile.`,
  },
  {
    name: 'PharosLanesDisconnected',
    severity: 'critical',
    expr: 'pharos_edge_lanes_attached - pharos_edge_lanes_connected > 0',
    for: '2m',
    summary: 'An edge hears nothing of some lanes',
    description: `{{ $value }} lanes of ${pod} are without connection for 2 minutes: what is published there waits.`,
  },
  {
    name: 'PharosLaneLag',
    severity: 'warning',
    expr: `histogram_quantile(0.99, sum by (${ns}, pod, le) (rate(pharos_edge_lane_delay_seconds_bucket[5m]))) > 2`,
    for: '10m',
    summary: 'An edge reads the log late',
    description: `${pod} has one entry in a hundred {{ $value | humanizeDuration }} after the log had it.`,
  },
  {
    name: 'PharosHistoryLag',
    severity: 'warning',
    expr: `max by (${ns}, log) (pharos_history_lag_seconds) > 60`,
    for: '10m',
    summary: 'The history store is behind its log',
    description: `The store of {{ $labels.log }} (${where}) is {{ $value | humanizeDuration }} behind: the backlog grows, and who was away for long is put off.`,
  },
  {
    name: 'PharosHistoryLaneUnwritten',
    severity: 'critical',
    expr: `sum by (${ns}, log) (pharos_history_lanes_active) < max by (${ns}, log) (pharos_history_lanes)`,
    for: '5m',
    summary: 'Nobody writes some lanes of a log into the history store',
    description: `History processes have only {{ $value }} of the lanes of {{ $labels.log }} (${where}) for 5 minutes.`,
  },
  {
    name: 'PharosRedisDisconnected',
    severity: 'warning',
    expr: 'pharos_redis_connected == 0',
    for: '2m',
    summary: 'A process can not use Redis',
    description: `${pod} is without Redis for 2 minutes: live traffic goes on; presence and older history are answered with error 100.`,
  },
  {
    name: 'PharosPresenceStalled',
    severity: 'warning',
    expr: `min by (${ns}) (pharos_presence_last_look_age_seconds) > 30`,
    for: '2m',
    summary: 'Nobody looks for dead edges',
    description: `In ${where} leases were last looked at {{ $value | humanizeDuration }} ago: members of an edge that died stay.`,
  },
  {
    name: 'PharosApiFails',
    severity: 'warning',
    expr: `sum by (${ns}) (rate(pharos_api_requests_total{code="100"}[5m])) / sum by (${ns}) (rate(pharos_api_requests_total[5m])) > 0.05`,
    for: '5m',
    summary: 'The server API fails',
    description: `In ${where} {{ $value | humanizePercentage }} of the commands are answered with error 100.`,
  },
  {
    name: 'PharosCommandsDeadLetter',
    severity: 'warning',
    expr: `sum by (${ns}) (increase(pharos_api_commands_total{outcome="dead_letter"}[15m])) > 0`,
    summary: 'Commands of the topic can not be done',
    description: `In ${where} about {{ $value | humanize }} commands went to the dead letter topic in 15 minutes.`,
  },
  {
    name: 'PharosProxyFails',
    severity: 'warning',
    // What the backend decides is no failure, and what a client sends that is no JSON isn't its fault.
    expr: ['edge', 'api'].map((service) => `${proxyFailures(service)} > 0.05`).join(' or '),
    for: '5m',
    summary: "The application's backend does not answer",
    description: `In ${where} {{ $value | humanizePercentage }} of the requests of kind {{ $labels.kind }} to the proxy {{ $labels.proxy }} (from {{ $labels.job }}) had no answer that can be used.`,
  },
];

export const alertGroups: readonly RuleGroup[] = [
  { name: 'pharos-processes', rules: processes.map(alertRule) },
  { name: 'pharos-clients', rules: clients.map(alertRule) },
  { name: 'pharos-messages', rules: messages.map(alertRule) },
];

import { objectives, type Objective } from '../src/slo.ts';

/** When an alert fires over some series, for `promtool test rules`. */
export interface Moments {
  readonly alert: string;
  /** Of those alerts that have several. */
  readonly window?: string;
  /** A moment before it fires. */
  readonly silent: string;
  /** A moment when it fires; none: it never does. */
  readonly fires?: string;
}

export interface Samples {
  readonly name: string;
  /** Selector and values in promtool's notation. */
  readonly series: Readonly<Record<string, string>>;
}

export type AlertCase = Moments & Samples;

const target = 'cluster="c", namespace="n", job="j", instance="i", pod="a"';
const of = (name: string, more = ''): string => `${name}{${target}${more === '' ? '' : `, ${more}`}}`;
const info = { [of('pharos_build_info', 'service="edge", version="1"')]: '1x100' };
const connections = of('pharos_edge_connections', 'transport="websocket"');
const calm = { [of('pharos_draining')]: '0x100' };
const drains = { [of('pharos_draining')]: '1x100' };

/** What kube-state-metrics tells of an autoscaler of at most ten. */
function hpa(name: string, { replicas, min = 2, cluster = 'c', instance = 'k' }: HpaState): Record<string, string> {
  const series = (what: string): string =>
    `kube_horizontalpodautoscaler_${what}{cluster="${cluster}", namespace="n", instance="${instance}", horizontalpodautoscaler="${name}"}`;
  return {
    [series('status_current_replicas')]: replicas,
    [series('spec_min_replicas')]: `${min}x60`,
    [series('spec_max_replicas')]: '10x60',
  };
}

interface HpaState {
  readonly replicas: string;
  readonly min?: number;
  readonly cluster?: string;
  readonly instance?: string;
}

const runsIn = (pod: string): Record<string, string> => ({
  [of('pharos_build_info', 'service="edge", version="1"').replace('pod="a"', `pod="${pod}"`)]: '1x60',
});

export const alertCases: readonly AlertCase[] = [
  {
    alert: 'PharosTargetDown',
    name: 'a process is gone',
    series: {
      [of('up')]: '1x10 0x30',
      [of('pharos_build_info', 'service="edge", version="1"')]: '1x10 stale',
    },
    silent: '15m',
    fires: '18m',
  },
  { alert: 'PharosTargetDown', name: 'something else is gone', series: { [of('up')]: '0x40' }, silent: '30m' },
  {
    alert: 'PharosTargetDown',
    name: "another application's job of that name is gone, of another namespace or cluster",
    series: {
      [of('up').replace('namespace="n"', 'namespace="other"')]: '0x40',
      [of('up').replace('cluster="c"', 'cluster="other"')]: '0x40',
      [of('up')]: '1x40',
      ...info,
    },
    silent: '30m',
  },
  { alert: 'PharosAbsent', name: 'nothing is scraped', series: { [of('up')]: '1x40' }, silent: '4m', fires: '6m' },
  { alert: 'PharosAbsent', name: 'something is scraped', series: info, silent: '30m' },
  {
    alert: 'PharosServiceAbsent',
    name: 'no history process is left, edges are',
    series: { ...info, [of('pharos_build_info', 'service="history", version="1"')]: '1x10 stale' },
    silent: '15m',
    fires: '17m',
  },
  {
    alert: 'PharosServiceAbsent',
    name: 'nothing is left at all',
    series: { [of('pharos_build_info', 'service="edge", version="1"')]: '1x10 stale' },
    silent: '15m',
    fires: '17m',
  },
  {
    alert: 'PharosServiceAbsent',
    name: 'another pod with another version took over',
    series: {
      [of('pharos_build_info', 'service="history", version="1"')]: '1x10 stale',
      [of('pharos_build_info', 'service="history", version="2"').replace('pod="a"', 'pod="b"')]: '_x9 1x40',
    },
    silent: '30m',
  },
  {
    alert: 'PharosServiceAbsent',
    name: 'it was taken away for good, more than an hour ago',
    series: { [of('pharos_build_info', 'service="presence", version="1"')]: '1x10 stale' },
    silent: '75m',
  },
  {
    alert: 'PharosNotReady',
    name: 'not ready',
    series: { [of('pharos_ready')]: '0x40', ...calm },
    silent: '9m',
    fires: '11m',
  },
  { alert: 'PharosNotReady', name: 'draining', series: { [of('pharos_ready')]: '0x40', ...drains }, silent: '30m' },
  {
    alert: 'PharosDescriptorsNearLimit',
    name: 'at 85 %',
    series: { [of('process_open_fds')]: '850x40', [of('process_max_fds')]: '1000x40', ...info },
    silent: '9m',
    fires: '11m',
  },
  {
    alert: 'PharosDescriptorsNearLimit',
    name: 'another program',
    series: { [of('process_open_fds')]: '850x40', [of('process_max_fds')]: '1000x40' },
    silent: '30m',
  },
  {
    alert: 'PharosHeapNearLimit',
    name: 'at 90 %',
    series: { [of('nodejs_heap_size_used_bytes')]: '900x40', [of('pharos_process_heap_limit_bytes')]: '1000x40' },
    silent: '14m',
    fires: '16m',
  },
  {
    alert: 'PharosEventLoopFull',
    name: '54 seconds of each minute',
    series: { [of('pharos_process_event_loop_active_seconds_total')]: '0+54x40' },
    silent: '13m',
    fires: '17m',
  },
  {
    alert: 'PharosEventLoopFull',
    name: '40 seconds of each minute',
    series: { [of('pharos_process_event_loop_active_seconds_total')]: '0+40x40' },
    silent: '30m',
  },
  {
    alert: 'PharosEventLoopLag',
    name: '0.4 s beyond what sampling adds',
    series: { [of('nodejs_eventloop_lag_p99_seconds')]: '0.5x40', ...info },
    silent: '9m',
    fires: '11m',
  },
  {
    alert: 'PharosEventLoopLag',
    name: 'idle',
    series: { [of('nodejs_eventloop_lag_p99_seconds')]: '0.101x40', ...info },
    silent: '30m',
  },
  {
    alert: 'PharosConfigRefused',
    name: 'once',
    series: { [of('pharos_config_reloads_total', 'outcome="refused"')]: '0x10 1x40' },
    silent: '10m',
    fires: '12m',
  },
  {
    alert: 'PharosCertificateExpires',
    name: 'eleven days left',
    series: { [of('pharos_tls_certificate_expiry_timestamp_seconds')]: '1000000x100' },
    silent: '58m',
    fires: '62m',
  },
  {
    alert: 'PharosCertificateExpires',
    name: 'without TLS',
    series: { [of('pharos_tls_certificate_expiry_timestamp_seconds')]: '0x100' },
    silent: '90m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'half are gone',
    series: { [connections]: '1000x10 500x40', ...calm },
    silent: '11m',
    fires: '13m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'all edges are gone',
    series: { [connections]: '1000x10 stale', [of('pharos_draining')]: '0x10 stale' },
    silent: '11m',
    fires: '13m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'a quarter is gone',
    series: { [connections]: '1000x10 750x40', ...calm },
    silent: '13m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'all edges drained and are gone',
    series: { [connections]: '1000x8 0x1 stale', [of('pharos_draining')]: '0x7 1x2 stale' },
    silent: '12m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'half are sent elsewhere',
    series: { [connections]: '1000x10 500x40', ...drains },
    silent: '13m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'half of few',
    series: { [connections]: '20x10 10x40', ...calm },
    silent: '13m',
  },
  {
    alert: 'PharosConnectionsNearLimit',
    name: 'at 90 %',
    series: { [connections]: '900x40', [of('pharos_edge_connection_limit')]: '1000x40' },
    silent: '9m',
    fires: '11m',
  },
  {
    alert: 'PharosConnectionSkew',
    name: 'one of three has all',
    series: Object.fromEntries(
      ['a', 'b', 'c'].map((pod) => [connections.replace('pod="a"', `pod="${pod}"`), pod === 'a' ? '5000x60' : '10x60']),
    ),
    silent: '29m',
    fires: '31m',
  },
  {
    alert: 'PharosConnectionSkew',
    name: 'evenly',
    series: Object.fromEntries(
      ['a', 'b', 'c'].map((pod) => [connections.replace('pod="a"', `pod="${pod}"`), '5000x60']),
    ),
    silent: '50m',
  },
  {
    alert: 'PharosReconnectRate',
    name: '20 a second of 1000',
    series: {
      [connections]: '1000x60',
      [of('pharos_edge_connections_opened_total', 'transport="websocket"')]: '0+1200x60',
      ...calm,
    },
    silent: '15m',
    fires: '30m',
  },
  {
    alert: 'PharosReconnectRate',
    name: 'while edges drain',
    series: {
      [connections]: '1000x60',
      [of('pharos_edge_connections_opened_total', 'transport="websocket"')]: '0+1200x60',
      ...drains,
    },
    silent: '40m',
  },
  {
    alert: 'PharosSlowClients',
    name: '2 a second of 1000',
    series: {
      [connections]: '1000x60',
      [of('pharos_edge_slow_connections_total', 'transport="websocket"')]: '0+120x60',
    },
    silent: '9m',
    fires: '30m',
  },
  {
    alert: 'PharosHpaAtMax',
    name: 'ten of ten, told by two kube-state-metrics',
    series: {
      ...hpa('rt-pharos-edge', { replicas: '9x10 10x40' }),
      ...hpa('rt-pharos-edge', { replicas: '9x10 10x40', instance: 'other' }),
      ...runsIn('rt-pharos-edge-7d9f8b6c5-x2x4z'),
    },
    silent: '24m',
    fires: '28m',
  },
  {
    alert: 'PharosHpaAtMax',
    name: 'under a name of its own, by KEDA, over a StatefulSet',
    series: { ...hpa('keda-hpa-chat-edge', { replicas: '9x10 10x40' }), ...runsIn('chat-edge-12') },
    silent: '24m',
    fires: '28m',
  },
  {
    alert: 'PharosHpaAtMax',
    name: 'nine of ten',
    series: { ...hpa('chat-edge', { replicas: '9x50' }), ...runsIn('chat-edge-7d9f8b6c5-x2x4z') },
    silent: '40m',
  },
  {
    alert: 'PharosHpaAtMax',
    name: 'as few as it may',
    series: { ...hpa('chat-edge', { replicas: '10x50', min: 10 }), ...runsIn('chat-edge-7d9f8b6c5-x2x4z') },
    silent: '40m',
  },
  {
    alert: 'PharosHpaAtMax',
    name: "another application's, and one of that name in another cluster",
    series: {
      ...hpa('shop', { replicas: '10x50' }),
      ...hpa('chat-edge', { replicas: '10x50', cluster: 'other' }),
      ...runsIn('chat-edge-7d9f8b6c5-x2x4z'),
    },
    silent: '40m',
  },
  {
    alert: 'PharosPublishesFail',
    name: 'half of them',
    series: {
      [of('pharos_edge_publishes_total', 'outcome="ok"')]: '0+60x40',
      [of('pharos_edge_publishes_total', 'outcome="deadline"')]: '0+60x40',
    },
    silent: '4m',
    fires: '8m',
  },
  {
    alert: 'PharosPublicationsLost',
    name: 'five',
    series: { [of('pharos_edge_publications_lost_total')]: '0x10 5x40' },
    silent: '10m',
    fires: '12m',
  },
  {
    alert: 'PharosControlLost',
    name: 'once',
    series: { [of('pharos_edge_control_total', 'command="lost"')]: '0x10 1x40' },
    silent: '10m',
    fires: '12m',
  },
  {
    alert: 'PharosControlLost',
    name: 'what came, and what could not be read',
    series: {
      [of('pharos_edge_control_total', 'command="lost"')]: '0x50',
      [of('pharos_edge_control_total', 'command="disconnect"')]: '0+5x50',
      [of('pharos_edge_control_total', 'command="unknown"')]: '0+5x50',
    },
    silent: '30m',
  },
  {
    alert: 'PharosEntriesDamaged',
    name: 'one',
    series: { [of('pharos_pulsar_damaged_total')]: '0x10 1x40' },
    silent: '10m',
    fires: '12m',
  },
  {
    alert: 'PharosEntriesDamaged',
    name: 'none since long',
    series: { [of('pharos_pulsar_damaged_total')]: '7x50' },
    silent: '30m',
  },
  {
    alert: 'PharosLanesUnrecoverable',
    name: 'two lanes without offsets',
    series: {
      [of('pharos_edge_lanes_unrecoverable', 'reason="offsets"')]: '0x10 2x40',
      [of('pharos_edge_lanes_unrecoverable', 'reason="epoch"')]: '0x50',
    },
    silent: '14m',
    fires: '17m',
  },
  {
    alert: 'PharosLanesUnrecoverable',
    name: 'none',
    series: { [of('pharos_edge_lanes_unrecoverable', 'reason="offsets"')]: '0x50' },
    silent: '30m',
  },
  {
    alert: 'PharosLanesDisconnected',
    name: 'one of eight',
    series: { [of('pharos_edge_lanes_attached')]: '8x40', [of('pharos_edge_lanes_connected')]: '8x10 7x40' },
    silent: '12m',
    fires: '14m',
  },
  {
    alert: 'PharosLaneLag',
    name: 'all beyond 2.5 s',
    series: {
      [of('pharos_edge_lane_delay_seconds_bucket', 'le="2.5"')]: '0x40',
      [of('pharos_edge_lane_delay_seconds_bucket', 'le="10"')]: '0+60x40',
      [of('pharos_edge_lane_delay_seconds_bucket', 'le="+Inf"')]: '0+60x40',
    },
    silent: '9m',
    fires: '12m',
  },
  {
    alert: 'PharosHistoryLag',
    name: '100 s',
    series: { [of('pharos_history_lag_seconds', 'log="l"')]: '100x40' },
    silent: '9m',
    fires: '11m',
  },
  {
    alert: 'PharosHistoryLaneUnwritten',
    name: 'by neither process',
    series: {
      [of('pharos_history_lanes_active', 'log="l"')]: '1x10 0x40',
      [of('pharos_history_lanes_active', 'log="l"').replace('pod="a"', 'pod="b"')]: '0x50',
    },
    silent: '14m',
    fires: '17m',
  },
  {
    alert: 'PharosHistoryLaneUnwritten',
    name: 'by the other one',
    series: {
      [of('pharos_history_lanes_active', 'log="l"')]: '0x50',
      [of('pharos_history_lanes_active', 'log="l"').replace('pod="a"', 'pod="b"')]: '1x50',
    },
    silent: '30m',
  },
  {
    alert: 'PharosRedisDisconnected',
    name: 'away',
    series: { [of('pharos_redis_connected')]: '0x40' },
    silent: '1m',
    fires: '3m',
  },
  {
    alert: 'PharosPresenceStalled',
    name: 'no look for a minute',
    series: { [of('pharos_presence_last_look_age_seconds')]: '60x40' },
    silent: '1m',
    fires: '3m',
  },
  {
    alert: 'PharosApiFails',
    name: 'half of them',
    series: {
      [of('pharos_api_requests_total', 'method="publish", code="0"')]: '0+60x40',
      [of('pharos_api_requests_total', 'method="publish", code="100"')]: '0+60x40',
    },
    silent: '4m',
    fires: '8m',
  },
  {
    alert: 'PharosCommandsDeadLetter',
    name: 'one',
    series: { [of('pharos_api_commands_total', 'outcome="dead_letter"')]: '0x10 1x40' },
    silent: '10m',
    fires: '12m',
  },
  {
    alert: 'PharosCommandsDeadLetter',
    name: 'tries that fail and are followed by another',
    series: {
      [of('pharos_api_commands_total', 'outcome="dead_letter"')]: '0x50',
      [of('pharos_api_commands_total', 'outcome="retried"')]: '0+5x50',
    },
    silent: '30m',
  },
  {
    alert: 'PharosProxyFails',
    name: 'half of what edges ask at connect',
    series: {
      ...proxied('edge', 'ok', '0+60x40'),
      ...proxied('edge', 'timeout', '0+30x40'),
      ...proxied('edge', 'unreachable', '0+30x40'),
    },
    silent: '4m',
    fires: '8m',
  },
  {
    alert: 'PharosProxyFails',
    name: 'half of what the server API asks',
    series: { ...proxied('api', 'ok', '0+60x40'), ...proxied('api', 'status', '0+60x40') },
    silent: '4m',
    fires: '8m',
  },
  {
    alert: 'PharosProxyFails',
    name: 'one in twenty-five; what the backend decides, and what clients send, is no failure',
    series: {
      ...proxied('edge', 'ok', '0+20x40'),
      ...proxied('edge', 'disconnect', '0+38x40'),
      ...proxied('edge', 'not_json', '0+38x40'),
      ...proxied('edge', 'timeout', '0+4x40'),
    },
    silent: '30m',
  },
];

function proxied(service: string, outcome: string, values: string): Record<string, string> {
  return {
    [of(`pharos_${service}_proxy_calls_total`, `kind="connect", proxy="default", outcome="${outcome}"`)]: values,
  };
}

/** Samples of an objective's counters: `good` and `bad` events at each, first none of them bad. */
function events({ id }: Objective, good: string, bad: string, all: string): Record<string, string> {
  if (id === 'connects') {
    return {
      [of('pharos_edge_connects_total', 'outcome="ok"')]: good,
      [of('pharos_edge_connects_total', 'outcome="100"')]: bad,
      [of('pharos_edge_connections_refused_total', 'reason="connection_limit"')]: '0x300',
    };
  }
  if (id === 'deliveries') {
    return {
      [of('pharos_edge_delivery_seconds_count')]: all,
      [of('pharos_edge_delivery_seconds_bucket', 'le="0.5"')]: good,
    };
  }
  return {
    [of('pharos_edge_publications_read_total', 'interest="local"')]: good,
    [of('pharos_edge_publications_lost_total')]: bad,
  };
}

/** What the alerts of one objective are tried over. */
export interface BurnCase extends Samples {
  /** Of the samples; rules are evaluated as often. */
  readonly interval: string;
  readonly objective: Objective;
  readonly moments: readonly Moments[];
}

/** All well for as long as the long window, then twenty (or ten) times as much goes wrong as is allowed. */
function burning(objective: Objective): BurnCase[] {
  const each = 100_000;
  const failing = (samples: number, times: number): Record<string, string> => {
    const bad = Math.round(each * (1 - objective.target) * times);
    const good = each - bad;
    return events(
      objective,
      `0+${each}x${samples} ${each * samples + good}+${good}x100`,
      `0x${samples} ${bad}+${bad}x100`,
      `0+${each}x${samples + 101}`,
    );
  };
  const { alert } = objective;
  return [
    {
      objective,
      name: 'twenty times too much goes wrong',
      interval: '2m',
      series: failing(180, 20),
      moments: [
        { alert, window: '1h', silent: '390m', fires: '420m' },
        { alert, window: '6h', silent: '420m', fires: '480m' },
      ],
    },
    {
      objective,
      name: 'ten times too much goes wrong',
      interval: '30m',
      series: failing(144, 10),
      moments: [
        { alert, window: '1d', silent: '4620m', fires: '4860m' },
        { alert, window: '3d', silent: '4620m', fires: '4860m' },
      ],
    },
    {
      objective,
      name: 'half goes wrong of hardly any events',
      interval: '2m',
      series: events(objective, '0+0.05x100', '0+0.05x100', '0+0.1x100'),
      moments: ['1h', '6h'].map((window) => ({ alert, window, silent: '120m' })),
    },
  ];
}

export const burnCases: readonly BurnCase[] = objectives.flatMap((objective) => burning(objective));

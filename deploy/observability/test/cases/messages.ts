import { type AlertCase, of } from './samples.ts';

export const messageCases: readonly AlertCase[] = [
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
    alert: 'PharosPublishesFail',
    name: 'four in a hundred',
    series: {
      [of('pharos_edge_publishes_total', 'outcome="ok"')]: '0+96x40',
      [of('pharos_edge_publishes_total', 'outcome="deadline"')]: '0+4x40',
    },
    silent: '30m',
  },
  {
    alert: 'PharosPublicationsLost',
    name: 'five',
    series: { [of('pharos_edge_publications_lost_total')]: '0x10 5x40' },
    silent: '10m',
    fires: '12m',
  },
  {
    alert: 'PharosPublicationsLost',
    name: 'none since long',
    series: { [of('pharos_edge_publications_lost_total')]: '5x40' },
    silent: '30m',
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
    alert: 'PharosLanesDisconnected',
    name: 'all, but for a moment',
    series: { [of('pharos_edge_lanes_attached')]: '8x40', [of('pharos_edge_lanes_connected')]: '8x10 0x0 8x30' },
    silent: '13m',
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
    alert: 'PharosLaneLag',
    name: 'all within a second',
    series: {
      [of('pharos_edge_lane_delay_seconds_bucket', 'le="0.5"')]: '0x40',
      [of('pharos_edge_lane_delay_seconds_bucket', 'le="1"')]: '0+60x40',
      [of('pharos_edge_lane_delay_seconds_bucket', 'le="+Inf"')]: '0+60x40',
    },
    silent: '30m',
  },
  {
    alert: 'PharosHistoryLag',
    name: '100 s',
    series: { [of('pharos_history_lag_seconds', 'log="l"')]: '100x40' },
    silent: '9m',
    fires: '11m',
  },
  {
    alert: 'PharosHistoryLag',
    name: '59 s',
    series: { [of('pharos_history_lag_seconds', 'log="l"')]: '59x40' },
    silent: '30m',
  },
  {
    alert: 'PharosHistoryLaneUnwritten',
    name: 'one lane by neither process',
    series: { ...written('a', '1x10 0x40', 1), ...written('b', '0x50', 1) },
    silent: '14m',
    fires: '17m',
  },
  {
    alert: 'PharosHistoryLaneUnwritten',
    name: 'five of eight by two processes',
    series: { ...written('a', '4x10 3x40', 8), ...written('b', '4x10 2x40', 8) },
    silent: '14m',
    fires: '17m',
  },
  {
    alert: 'PharosHistoryLaneUnwritten',
    name: 'all by the other one',
    series: { ...written('a', '0x50', 8), ...written('b', '8x50', 8) },
    silent: '30m',
  },
  {
    alert: 'PharosHistoryLaneUnwritten',
    name: 'not all while one takes over from another',
    series: { ...written('a', '4x10 0x40', 8), ...written('b', '4x12 8x40', 8) },
    silent: '14m',
  },
  {
    alert: 'PharosRedisDisconnected',
    name: 'away',
    series: { [of('pharos_redis_connected')]: '0x40' },
    silent: '1m',
    fires: '3m',
  },
  {
    alert: 'PharosRedisDisconnected',
    name: 'away for a moment',
    series: { [of('pharos_redis_connected')]: '1x10 0x1 1x40' },
    silent: '13m',
  },
  {
    alert: 'PharosPresenceStalled',
    name: 'no look for a minute',
    series: { [of('pharos_presence_last_look_age_seconds')]: '60x40' },
    silent: '1m',
    fires: '3m',
  },
  {
    alert: 'PharosPresenceStalled',
    name: 'one of two looked 29 s ago',
    series: {
      [of('pharos_presence_last_look_age_seconds')]: '60x40',
      [of('pharos_presence_last_look_age_seconds').replace('pod="a"', 'pod="b"')]: '29x40',
    },
    silent: '30m',
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
    alert: 'PharosApiFails',
    name: 'four in a hundred; what callers do wrong is no failure',
    series: {
      [of('pharos_api_requests_total', 'method="publish", code="0"')]: '0+26x40',
      [of('pharos_api_requests_total', 'method="publish", code="107"')]: '0+70x40',
      [of('pharos_api_requests_total', 'method="publish", code="100"')]: '0+4x40',
    },
    silent: '30m',
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

/** Lanes of a log that a process brings into the store, of as many as the log has. */
function written(name: string, active: string, lanes: number): Record<string, string> {
  const series = (metric: string): string => of(metric, 'log="l"').replace('pod="a"', `pod="${name}"`);
  return { [series('pharos_history_lanes_active')]: active, [series('pharos_history_lanes')]: `${lanes}x60` };
}

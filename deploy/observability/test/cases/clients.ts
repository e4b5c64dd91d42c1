import { type AlertCase, connections, drains, edgesCalm, edgesDrain, of } from './samples.ts';

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

/** So many are connected, and so many connect each minute. */
const come = (connected: number, aMinute: number): Record<string, string> => ({
  [connections]: `${connected}x80`,
  [of('pharos_edge_connections_opened_total', 'transport="websocket"')]: `0+${aMinute}x80`,
});
/** So many leave each minute with a close frame. */
const leave = (aMinute: number): Record<string, string> => ({
  [of('pharos_edge_connections_closed_total', 'transport="websocket", code="1001"')]: `0+${aMinute}x80`,
  [of('pharos_edge_connections_closed_total', 'transport="websocket", code="1006"')]: '0+5x80',
});
const slow = (connected: number, aMinute: number): Record<string, string> => ({
  [connections]: `${connected}x80`,
  [of('pharos_edge_slow_connections_total', 'transport="websocket"')]: `0+${aMinute}x80`,
});

export const clientCases: readonly AlertCase[] = [
  {
    alert: 'PharosMassDisconnect',
    name: 'half are gone',
    series: { [connections]: '1000x10 500x40', ...edgesCalm },
    silent: '11m',
    fires: '13m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'half are gone while the autoscaler takes a process of the server API away, which has no clients',
    series: { [connections]: '1000x10 500x40', ...edgesCalm, ...drains },
    silent: '11m',
    fires: '13m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'all edges are gone',
    series: { [connections]: '1000x10 stale', [of('pharos_edge_draining')]: '0x10 stale' },
    silent: '11m',
    fires: '13m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'a quarter is gone',
    series: { [connections]: '1000x10 750x40', ...edgesCalm },
    silent: '13m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'all edges drained and are gone',
    series: { [connections]: '1000x8 0x1 stale', [of('pharos_edge_draining')]: '0x7 1x2 stale' },
    silent: '12m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'half are sent elsewhere',
    series: { [connections]: '1000x10 500x40', ...edgesDrain },
    silent: '13m',
  },
  {
    alert: 'PharosMassDisconnect',
    name: 'half of few',
    series: { [connections]: '20x10 10x40', ...edgesCalm },
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
    alert: 'PharosConnectionsNearLimit',
    name: 'at 84 %',
    series: { [connections]: '840x40', [of('pharos_edge_connection_limit')]: '1000x40' },
    silent: '30m',
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
    alert: 'PharosConnectionSkew',
    name: 'the fullest has 1.9 times the mean',
    series: Object.fromEntries(
      ['a', 'b', 'c'].map((pod) => [
        connections.replace('pod="a"', `pod="${pod}"`),
        pod === 'a' ? '1900x60' : '550x60',
      ]),
    ),
    silent: '50m',
  },
  {
    alert: 'PharosConnectionSkew',
    name: 'one of three has nearly all, of few',
    series: Object.fromEntries(
      ['a', 'b', 'c'].map((pod) => [connections.replace('pod="a"', `pod="${pod}"`), pod === 'a' ? '900x60' : '10x60']),
    ),
    silent: '50m',
  },
  {
    alert: 'PharosReconnectRate',
    name: 'something cuts each of 10,000 every four minutes, and processes of the server API drain',
    series: { ...come(10_000, 2_500), ...edgesCalm, ...drains },
    silent: '15m',
    fires: '30m',
  },
  {
    alert: 'PharosReconnectRate',
    name: 'each of 300 every two minutes, those who say goodbye besides',
    series: { ...come(300, 300), ...leave(150), ...edgesCalm },
    silent: '15m',
    fires: '30m',
  },
  {
    alert: 'PharosReconnectRate',
    name: 'while edges drain',
    series: { ...come(1_000, 1_200), ...edgesDrain },
    silent: '40m',
  },
  {
    alert: 'PharosReconnectRate',
    name: 'phones that lose their network, each every eight minutes',
    series: { ...come(10_000, 1_250), ...edgesCalm },
    silent: '70m',
  },
  {
    alert: 'PharosReconnectRate',
    name: 'visitors of a page, who stay for two minutes and close it',
    series: { ...come(10_000, 5_000), ...leave(4_900), ...edgesCalm },
    silent: '70m',
  },
  {
    alert: 'PharosReconnectRate',
    name: 'of few, one in two seconds',
    series: { ...come(100, 30), ...edgesCalm },
    silent: '70m',
  },
  {
    alert: 'PharosSlowClients',
    name: '2 a second of 1000',
    series: slow(1_000, 120),
    silent: '9m',
    fires: '30m',
  },
  {
    alert: 'PharosSlowClients',
    name: '5 a second of 10,000: three in ten within ten minutes',
    series: slow(10_000, 300),
    silent: '9m',
    fires: '30m',
  },
  {
    alert: 'PharosSlowClients',
    name: '1 a second of 10,000',
    series: slow(10_000, 60),
    silent: '70m',
  },
  {
    alert: 'PharosSlowClients',
    name: 'one a minute of 50',
    series: slow(50, 1),
    silent: '70m',
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
];

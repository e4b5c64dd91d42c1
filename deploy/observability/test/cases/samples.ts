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

export const target = 'cluster="c", namespace="n", job="j", instance="i", pod="a"';
export const of = (name: string, more = ''): string => `${name}{${target}${more === '' ? '' : `, ${more}`}}`;
export const info = { [of('pharos_build_info', 'service="edge", version="1"')]: '1x100' };
export const connections = of('pharos_edge_connections', 'transport="websocket"');
export const calm = { [of('pharos_draining')]: '0x100' };
export const drains = { [of('pharos_draining')]: '1x100' };
/** The same of edges alone. */
export const edgesCalm = { [of('pharos_edge_draining')]: '0x100' };
export const edgesDrain = { [of('pharos_edge_draining')]: '1x100' };

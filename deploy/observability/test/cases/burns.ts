import { type Objective, objectives } from '../../src/slo.ts';
import { type Moments, of, type Samples } from './samples.ts';

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
  const { alert, minEvents } = objective;
  /** So many times as many events in three days as are to be looked at; half of them go wrong. */
  const few = (times: number): Record<string, string> => {
    const all = (times * minEvents) / 144;
    return events(objective, `0+${all / 2}x160`, `0+${all / 2}x160`, `0+${all}x160`);
  };
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
    {
      objective,
      name: 'half goes wrong of just too few events in a day, and in three',
      interval: '30m',
      series: few(0.95),
      moments: [
        { alert, window: '1d', silent: '4680m' },
        { alert, window: '3d', silent: '4680m' },
      ],
    },
    {
      objective,
      name: 'half goes wrong of just enough events in three days, which are too few in one',
      interval: '30m',
      series: few(1.05),
      moments: [
        { alert, window: '1d', silent: '4680m' },
        { alert, window: '3d', silent: '3900m', fires: '4680m' },
      ],
    },
  ];
}

export const burnCases: readonly BurnCase[] = objectives.flatMap((objective) => burning(objective));

import type { Size } from '../scenario.ts';
import type { CounterName, DurationName, Tally } from './tally.ts';

/** What a scenario has measured: of the clients, and figures of its own. */
export interface Measured {
  readonly tally: Tally;
  readonly figures: Readonly<Record<string, number>>;
}

/** What has to hold at the end of a run. */
export interface Gate {
  /** For `--limit <id>=<value>`. */
  readonly id: string;
  readonly what: string;
  readonly unit: 'ms' | 'share' | 'count' | 'MiB/min';
  /** Whether the value may be at most or must be at least the limit. */
  readonly holds: 'at most' | 'at least';
  readonly limit: number | ((size: Size) => number);
  readonly value: (measured: Measured) => number;
  /** How much the value rests upon. */
  readonly samples: (measured: Measured) => number;
  /** With fewer samples nothing was measured, and the gate is broken: an empty metric passes no gate. */
  readonly least: (size: Size) => number;
}

export interface Judgement {
  readonly gate: string;
  readonly what: string;
  readonly value: number;
  readonly unit: Gate['unit'];
  readonly limit: string;
  readonly samples: number;
  readonly leastSamples: number;
  readonly passed: boolean;
}

/** @param limits in place of the gates' own, by id */
export function judge(
  gates: readonly Gate[],
  measured: Measured,
  size: Size,
  limits: ReadonlyMap<string, number>,
): Judgement[] {
  return gates.map((gate) => {
    const value = gate.value(measured);
    const samples = gate.samples(measured);
    const leastSamples = gate.least(size);
    const limit = limits.get(gate.id) ?? limitOf(gate, size);
    // Not a number passes neither comparison.
    const holds = gate.holds === 'at most' ? value <= limit : value >= limit;
    return {
      gate: gate.id,
      what: gate.what,
      value: rounded(value),
      unit: gate.unit,
      limit: `${gate.holds} ${limit}`,
      samples,
      leastSamples,
      passed: holds && samples >= leastSamples,
    };
  });
}

/** The gate's own, for a run of this size. */
export function limitOf({ limit }: Gate, size: Size): number {
  return typeof limit === 'number' ? limit : limit(size);
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

type Least = Gate['least'];

/** Something that must not happen. @param samples what would be wrong, were it among them */
export function none(name: CounterName, what: string, samples: CounterName, least: Least): Gate {
  return {
    id: name,
    what,
    unit: 'count',
    holds: 'at most',
    limit: 0,
    value: ({ tally }) => tally.counters[name],
    samples: ({ tally }) => tally.counters[samples],
    least,
  };
}

export function quantileGate(name: DurationName, percent: number, limit: number, least: Least): Gate {
  return {
    id: `${name}-p${percent}`,
    what: durationTexts[name],
    unit: 'ms',
    holds: 'at most',
    limit,
    value: ({ tally }) => tally.durations[name].quantile(percent / 100),
    samples: ({ tally }) => tally.durations[name].count,
    least,
  };
}

const durationTexts: Readonly<Record<DurationName, string>> = {
  connect: 'from the begin of a connection to its being subscribed',
  delivery: 'from sending a publication to its being received',
  acknowledge: 'from sending a publication to its acknowledgement',
  return: 'from being cut to being subscribed again',
};

/** Of connections that were begun: those that are in. A rate of its own: refused and failed ones count. */
export function connectGate(limit: number, least: Least): Gate {
  return {
    id: 'connect-ok',
    what: 'connections that came in, of those that were begun',
    unit: 'share',
    holds: 'at least',
    limit,
    value: ({ tally: { counters } }) => counters.in / counters.attempts,
    samples: ({ tally: { counters } }) => counters.attempts,
    least,
  };
}

export function recoveredGate(least: Least): Gate {
  return {
    id: 'recovered',
    what: 'resumes that brought all that was missed',
    unit: 'share',
    holds: 'at least',
    limit: 1,
    value: ({ tally: { counters } }) => counters.recovered / counters.resumes,
    samples: ({ tally: { counters } }) => counters.resumes,
    least,
  };
}

/** A figure of the scenario's own. */
export function figureGate(
  figure: string,
  gate: Pick<Gate, 'what' | 'unit' | 'holds' | 'limit'> & { readonly samples?: string; readonly least?: Least },
): Gate {
  const { samples, least = () => 1, ...rest } = gate;
  return {
    id: figure,
    ...rest,
    value: ({ figures }) => figures[figure] ?? Number.NaN,
    samples: ({ figures }) => (samples === undefined ? Number(figure in figures) : (figures[samples] ?? 0)),
    least,
  };
}

/** A figure of the scenario's own that counts what must not happen. */
export function noneFigure(
  figure: string,
  what: string,
  evidence: { readonly samples?: string; readonly least?: Least } = {},
): Gate {
  return figureGate(figure, { what, unit: 'count', holds: 'at most', limit: 0, ...evidence });
}

/** Nothing lost, nothing twice, all in order; what is missing at the end counts as lost. */
export function exactly(least: Least): Gate[] {
  return [
    none('gaps', 'publications that were passed over', 'deliveries', least),
    none('twice', 'publications that came twice', 'deliveries', least),
    none('disordered', 'publications that came after a later one', 'deliveries', least),
    noneFigure('missing', 'publications that were acknowledged and had not come to all at the end'),
  ];
}

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { TelemetryError } from './errors.ts';

const PREFIX = 'pharos_';

/** Of a histogram, besides +Inf. */
export const maxBuckets = 12;

export interface MetricOptions<Label extends string = string> {
  /** Starts with `pharos_`; counters end in `_total`, durations in `_seconds`, sizes in `_bytes`. */
  readonly name: string;
  /** What it counts, in a sentence: it is the metric's documentation. */
  readonly help: string;
  /** Keep the values of each bounded: every combination is a series of its own. @default [] */
  readonly labels?: readonly Label[];
}

export interface CounterOptions<Label extends string = string> extends MetricOptions<Label> {
  /** Asked at each scrape for the total so far, which never falls; without labels only. */
  readonly total?: () => number;
}

export interface GaugeOptions<Label extends string = string> extends MetricOptions<Label> {
  /** Called at each scrape, to set what is cheaper to ask for than to keep up to date; labels that it doesn't set are not there. */
  readonly collect?: (gauge: Gauge<Label>) => void;
}

export interface HistogramOptions<Label extends string = string> extends MetricOptions<Label> {
  /** Upper bounds of the buckets, ascending; at most {@link maxBuckets}, since each is a series for every set of labels. */
  readonly buckets: readonly number[];
}

/** One metric, for the reference. */
export interface MetricDescription {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/** The metrics of one process, or of one service where a test runs several in one process. */
export class Metrics {
  readonly registry: Registry;
  readonly #described = new Map<string, MetricDescription>();

  constructor(registry: Registry = createRegistry()) {
    this.registry = registry;
  }

  counter<Label extends string = never>(options: CounterOptions<Label>): Counter<Label> {
    this.#describe('counter', options);
    const { total } = options;
    if (total === undefined) return new Counter(this.#base(options));
    return new Counter({
      ...this.#base(options),
      collect(this: Counter<Label>): void {
        this.reset();
        this.inc(total());
      },
    });
  }

  gauge<Label extends string = never>(options: GaugeOptions<Label>): Gauge<Label> {
    this.#describe('gauge', options);
    const { collect } = options;
    if (collect === undefined) return new Gauge(this.#base(options));
    return new Gauge({
      ...this.#base(options),
      collect(this: Gauge<Label>): void {
        // What a reload took away would stay as it was last seen, and keep alerts on it firing.
        this.reset();
        collect(this);
      },
    });
  }

  histogram<Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label> {
    this.#describe('histogram', options);
    if (options.buckets.length > maxBuckets)
      throw new TelemetryError('invalid-metric', `metric ${options.name}: expected at most ${maxBuckets} buckets`);
    return new Histogram({ ...this.#base(options), buckets: [...options.buckets] });
  }

  /** Every metric made here, in the order of making. */
  describe(): MetricDescription[] {
    return [...this.#described.values()];
  }

  #base<Label extends string>(options: MetricOptions<Label>): MetricBase<Label> {
    return { name: options.name, help: options.help, labelNames: options.labels ?? [], registers: [this.registry] };
  }

  #describe(type: MetricDescription['type'], options: MetricOptions): void {
    const { name, help, labels = [] } = options;
    const refuse = (why: string): never => {
      throw new TelemetryError('invalid-metric', `metric ${name}: ${why}`);
    };
    if (!/^pharos_[a-z][a-z0-9_]*$/.test(name)) refuse(`expected a name of small letters that starts with ${PREFIX}`);
    if (type === 'counter' && !name.endsWith('_total')) refuse('expected the name of a counter to end in _total');
    if (type !== 'counter' && name.endsWith('_total')) refuse(`expected a counter where the name ends in _total`);
    if (type === 'histogram' && !/_(seconds|bytes)$/.test(name)) refuse('expected the name to end in its unit');
    if (/_(ms|millis|milliseconds|minutes|kb|mb|percent)(_|$)/.test(name)) refuse('expected a base unit');
    if (help.trim() === '') refuse('expected a help text');
    if (this.#described.has(name)) refuse('expected a new name, but this one is taken');
    this.#described.set(name, { name, type, help, labels });
  }
}

interface MetricBase<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  readonly registers: Registry[];
}

export interface RegistryOptions {
  /** Process metrics under their standard names: CPU, memory, file descriptors, event-loop lag, garbage collection. @default true */
  readonly processMetrics?: boolean;
}

/**
 * How often the event loop's lag is sampled; what is reported contains it (an idle loop shows 0.1 s). The library's default of
 * 10 ms wakes an idle process a hundred times a second: 2.5 ms of CPU, a twentieth of what 10,000 deliveries cost.
 */
const lagSampleMs = 100;

/** A registry of its own; the default one of prom-client is shared by the whole process and never used here. */
export function createRegistry(options: RegistryOptions = {}): Registry {
  const registry = new Registry();
  if (options.processMetrics ?? true) {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagSampleMs });
  }
  return registry;
}

/** What the runtime measures of itself in {@link createRegistry}, for the reference; on Linux, elsewhere it is less. */
export function describeRuntimeMetrics(): MetricDescription[] {
  const registry = createRegistry();
  return registry.getMetricsAsArray().map((metric) => {
    const { name, help } = metric;
    const type = String(metric.type);
    if (type !== 'counter' && type !== 'gauge' && type !== 'histogram')
      throw new TelemetryError('invalid-metric', `metric ${name}: ${type} is a type that nothing here knows`);
    // The library has them, and doesn't say so in its types.
    const labels: unknown = Reflect.get(metric, 'labelNames');
    return { name, type, help, labels: Array.isArray(labels) ? labels.map(String) : [] };
  });
}

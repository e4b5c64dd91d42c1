import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { type Panel, ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** Of Grafana's units. */
export type Unit = 'short' | 's' | 'bytes' | 'Bps' | 'cps' | 'ops' | 'percentunit' | 'dateTimeFromNow';

export interface Query {
  readonly expr: string;
  /** A name, or a template such as `{{pod}}`. */
  readonly legend: string;
}

/**
 * From where on a value is worrying, and from where on it is bad. Where `warn` is the larger one, small values are bad. `none` where the
 * value alone says nothing.
 */
export type Limits = 'none' | { readonly warn: number; readonly bad: number };

export interface PanelSpec {
  readonly title: string;
  /** What it shows, and what bad looks like. */
  readonly description: string;
  readonly unit: Unit;
  readonly limits: Limits;
  readonly queries: readonly Query[];
  /** @default a curve */
  readonly kind?: 'curve' | 'number';
  /** Of 24. @default 8 for a curve, 4 for a number */
  readonly width?: number;
  /** @default 0 */
  readonly min?: number;
  readonly max?: number;
}

export const datasource = { type: 'prometheus', uid: '$datasource' };

export function panel(spec: PanelSpec): Builder<Panel> {
  return spec.kind === 'number' ? numberPanel(spec) : curvePanel(spec);
}

function curvePanel(spec: PanelSpec): TimeSeriesBuilder {
  const builder = new TimeSeriesBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(datasource)
    .unit(spec.unit)
    .thresholds(thresholds(spec.limits))
    .thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(
        spec.limits === 'none' ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed,
      ),
    )
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .fillOpacity(8)
    .min(spec.min ?? 0)
    .span(spec.width ?? 8)
    .height(8)
    .targets(targets(spec.queries));
  return spec.max === undefined ? builder : builder.max(spec.max);
}

function numberPanel(spec: PanelSpec): StatBuilder {
  return new StatBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(datasource)
    .unit(spec.unit)
    .thresholds(thresholds(spec.limits))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .span(spec.width ?? 4)
    .height(4)
    .targets(targets(spec.queries));
}

function targets(queries: readonly Query[]): DataqueryBuilder[] {
  return queries.map(({ expr, legend }, index) =>
    new DataqueryBuilder()
      .datasource(datasource)
      .expr(expr)
      .legendFormat(legend)
      .range()
      .refId('ABCDEFGH'[index] ?? `Q${index}`),
  );
}

function thresholds(limits: Limits): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps(limits));
}

function steps(limits: Limits): { value: number | null; color: string }[] {
  if (limits === 'none') return [{ value: null, color: 'blue' }];
  const { warn, bad } = limits;
  return warn < bad
    ? [
        { value: null, color: 'green' },
        { value: warn, color: 'orange' },
        { value: bad, color: 'red' },
      ]
    : [
        { value: null, color: 'red' },
        { value: bad, color: 'orange' },
        { value: warn, color: 'green' },
      ];
}

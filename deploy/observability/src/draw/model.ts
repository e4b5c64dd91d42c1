import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { QueryRange, Series } from '@pharos/testkit';

/** One line of a panel: its name, and pairs of time (seconds) and value. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface Threshold {
  readonly value: number;
  readonly color: string;
}

/** What is drawn of a panel, with what Prometheus had for it. */
export interface DrawnPanel {
  readonly title: string;
  readonly unit: string;
  readonly kind: 'curve' | 'number';
  /** Of 24. */
  readonly width: number;
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** Of values below the first threshold. */
  readonly color: string;
  readonly thresholds: readonly Threshold[];
  readonly lines: readonly Line[];
}

export interface DrawnRow {
  readonly title: string;
  readonly panels: readonly DrawnPanel[];
}

export interface DrawnDashboard {
  readonly uid: string;
  readonly title: string;
  readonly range: QueryRange;
  readonly rows: readonly DrawnRow[];
}

/** As far as panels are read here. */
interface PanelModel {
  readonly type: string;
  readonly title?: string;
  readonly gridPos?: { readonly w: number };
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly min?: number;
      readonly max?: number;
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null; readonly color: string }[] };
    };
  };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export type Ask = (expression: string) => Promise<readonly Series[]>;

/** Asks every query of a dashboard. @param rateInterval what `$__rate_interval` is, such as 30s */
export async function readDashboard(
  made: Dashboard,
  range: QueryRange,
  rateInterval: string,
  ask: Ask,
): Promise<DrawnDashboard> {
  const rows: { title: string; panels: DrawnPanel[] }[] = [];
  for (const panel of (made.panels ?? []) as readonly PanelModel[]) {
    if (panel.type === 'row') rows.push({ title: panel.title ?? '', panels: [] });
    else rows.at(-1)?.panels.push(await readPanel(panel, rateInterval, ask));
  }
  return { uid: made.uid ?? '', title: made.title ?? '', range, rows };
}

async function readPanel(panel: PanelModel, rateInterval: string, ask: Ask): Promise<DrawnPanel> {
  const lines: Line[] = [];
  for (const { expr, legendFormat } of panel.targets ?? []) {
    for (const { metric, values } of await ask(filledIn(expr, rateInterval))) {
      const points = values
        .map(([at, value]) => [at, Number(value)] as const)
        .filter(([, value]) => !Number.isNaN(value));
      const name = legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '');
      if (points.length > 0) lines.push({ name, points });
    }
  }
  const { unit = 'short', min, max, thresholds } = panel.fieldConfig?.defaults ?? {};
  return {
    title: panel.title ?? '',
    unit,
    kind: panel.type === 'stat' ? 'number' : 'curve',
    width: panel.gridPos?.w ?? 8,
    min,
    max,
    color: thresholds?.steps.find(({ value }) => value === null)?.color ?? '',
    thresholds: (thresholds?.steps ?? []).flatMap(({ value, color }) => (value === null ? [] : [{ value, color }])),
    lines,
  };
}

/** An expression of a panel with its variables as for "all". */
function filledIn(expr: string, rateInterval: string): string {
  return expr.replaceAll('$__rate_interval', rateInterval).replaceAll(/\$(cluster|namespace|job|pod)/g, '.*');
}

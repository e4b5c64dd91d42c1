import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** One query of a panel, as Prometheus takes it. */
export interface PanelQuery {
  /** `<dashboard> / <panel> / <legend>`. */
  readonly name: string;
  readonly expr: string;
}

interface DashboardFile {
  readonly uid: string;
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] };
}

const files = new URL('../../../helm/pharos/files/', import.meta.url);

/** Every query of every dashboard of the chart, its variables filled in as for "all". @param rateInterval such as 10s */
export function panelQueries(rateInterval: string): PanelQuery[] {
  const filled = (expr: string): string =>
    expr.replaceAll('$__rate_interval', rateInterval).replaceAll(/\$(cluster|namespace|job|pod)/g, '.*');
  return readdirSync(new URL('dashboards/', files)).flatMap((name) => {
    const { uid, panels } = JSON.parse(readFileSync(new URL(`dashboards/${name}`, files), 'utf8')) as DashboardFile;
    return panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr, legendFormat }) => ({
        name: `${uid} / ${title} / ${legendFormat}`,
        expr: filled(expr),
      })),
    );
  });
}

export function dashboardIds(): string[] {
  return readdirSync(new URL('dashboards/', files)).map((name) => basename(name, '.json'));
}

/** Rule files of the chart. */
export function ruleFiles(): string[] {
  return readdirSync(new URL('rules/', files)).map((name) => new URL(`rules/${name}`, files).pathname);
}

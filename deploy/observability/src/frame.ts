import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type Dashboard,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { datasource, panel, type PanelSpec } from './panel.ts';
import { metric } from './promql.ts';

export interface RowSpec {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

export interface DashboardSpec {
  /** Fixed: links and bookmarks go by it. Also the name of the file. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly RowSpec[];
}

const tag = 'pharos';

/** From the whole to the parts: every dashboard leads to all others, with what is chosen and the time. */
const order: readonly { readonly uid: string; readonly title: string }[] = [
  { uid: 'pharos-fleet', title: 'A Fleet' },
  { uid: 'pharos-edge', title: 'B Edge' },
  { uid: 'pharos-path', title: 'C Pulsar and Redis' },
  { uid: 'pharos-api', title: 'D Server API' },
  { uid: 'pharos-slo', title: 'E Objectives' },
];

/** What every dashboard has: variables, links, annotations; and its rows. */
export function dashboard(spec: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags([tag])
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .readonly()
    .variables(variables())
    .links(
      order
        .filter(({ uid }) => uid !== spec.uid)
        .map(({ uid, title }) =>
          new DashboardLinkBuilder(title)
            .type(DashboardLinkType.Link)
            .url(`/d/${uid}`)
            .includeVars(true)
            .keepTime(true),
        ),
    )
    .annotations(annotations());
  for (const row of spec.rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const one of row.panels) builder.withPanel(panel(one));
  }
  return builder.build();
}

function variables(): (DatasourceVariableBuilder | QueryVariableBuilder)[] {
  const choice = (name: string, query: string): QueryVariableBuilder =>
    new QueryVariableBuilder(name)
      .label(name)
      .datasource(datasource)
      .query({ query, refId: name })
      .definition(query)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      // Matches targets without the label too: not everybody has clusters, or Kubernetes.
      .allValue('.*')
      .current({ selected: true, text: 'All', value: '$__all' });
  const within = (...labels: readonly string[]): string =>
    `pharos_build_info{${labels.map((label) => `${label}=~"$${label}"`).join(', ')}}`;
  return [
    new DatasourceVariableBuilder('datasource').label('data source').type('prometheus'),
    choice('cluster', 'label_values(pharos_build_info, cluster)'),
    choice('namespace', `label_values(${within('cluster')}, namespace)`),
    choice('job', `label_values(${within('cluster', 'namespace')}, job)`),
    choice('pod', `label_values(${within('cluster', 'namespace', 'job')}, pod)`),
  ];
}

function annotations(): AnnotationQueryBuilder[] {
  const scope = 'cluster=~"$cluster", namespace=~"$namespace"';
  return [
    // For two minutes each: Grafana looks once a minute, and a process may be scraped for the first time nearly as long after its start.
    new AnnotationQueryBuilder()
      .name('Starts')
      .datasource(datasource)
      .enable(true)
      .iconColor('blue')
      // Not by changes: a new pod has a series of its own.
      .expr(
        `time() - ${metric('process_start_time_seconds')} < 120 and on (job, instance) ${metric('pharos_build_info')}`,
      )
      .titleFormat('{{pod}} started')
      .tagKeys('pod'),
    new AnnotationQueryBuilder()
      .name('Ends')
      .datasource(datasource)
      .enable(true)
      .iconColor('purple')
      // Most drains are over before the next scrape.
      .expr(
        `sum by (job, instance, pod) (${metric('pharos_draining')}) > 0 ` +
          `or sum by (job, instance, pod) (${metric('pharos_build_info')} offset 2m) unless sum by (job, instance, pod) (${metric('pharos_build_info')})`,
      )
      .titleFormat('{{pod}} drains, or is gone')
      .tagKeys('pod'),
    new AnnotationQueryBuilder()
      .name('Alerts')
      .datasource(datasource)
      .enable(true)
      .iconColor('red')
      .expr(`ALERTS{alertname=~"Pharos.*", alertstate="firing", ${scope}}`)
      .titleFormat('{{alertname}}')
      .tagKeys('severity'),
  ];
}

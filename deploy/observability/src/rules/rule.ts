export type Severity = 'critical' | 'warning';

/** As in a rule file of Prometheus. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly (AlertRule | RecordingRule)[];
}

export interface AlertSpec {
  readonly name: string;
  readonly severity: Severity;
  readonly expr: string;
  /** How long it is to last before somebody is told. @default not at all */
  readonly for?: string;
  readonly summary: string;
  readonly description: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Where runbooks are; whoever publishes the docs elsewhere puts that in its place (the chart's values do). */
export const runbookPath = 'docs/runbook.md';

/** @param name of an alert, which has a heading of that name in the runbook */
export function runbookUrl(name: string): string {
  return `${runbookPath}#${name.toLowerCase()}`;
}

export function alertRule(spec: AlertSpec): AlertRule {
  return {
    alert: spec.name,
    expr: spec.expr,
    ...(spec.for === undefined ? {} : { for: spec.for }),
    labels: { severity: spec.severity, ...spec.labels },
    annotations: { summary: spec.summary, description: spec.description, runbook_url: runbookUrl(spec.name) },
  };
}

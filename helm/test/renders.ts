import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { caseFile, cases, type KubernetesObject, render, type Rendered } from './chart.ts';

/** What the chart made of each case when somebody last looked at it. */
const folder = fileURLToPath(new URL('renders/', import.meta.url));
const suffix = '.yaml';

/** The cases that are recorded, sorted. */
export function recorded(): string[] {
  return readdirSync(folder)
    .map((name) => name.slice(0, -suffix.length))
    .sort();
}

/** Lines that are otherwise than recorded, `-` and `+` before them; none where nothing has changed. */
export function changes(name: string, rendered: Rendered): string[] {
  const [before, now] = [readFileSync(fileOf(name), 'utf8'), textOf(rendered)].map((text) => text.split('\n'));
  const { length } = before ?? [];
  const difference: string[] = [];
  for (let index = 0; index < Math.max(length, now?.length ?? 0); index++) {
    const [was, is] = [before?.[index], now?.[index]];
    if (was === is) continue;
    difference.push(`line ${index + 1}: - ${was ?? ''}`, `line ${index + 1}: + ${is ?? ''}`);
    // What follows has moved, and says no more.
    if (length !== now?.length) break;
  }
  return difference;
}

/** Records what the chart makes now. */
export async function record(): Promise<void> {
  for (const name of cases) writeFileSync(fileOf(name), textOf(await render(caseFile(name))));
}

function fileOf(name: string): string {
  return `${folder}${name}${suffix}`;
}

function textOf({ objects }: Rendered): string {
  return objects.map((object) => stringify(shortened(object), { lineWidth: 0 })).join('---\n');
}

/** Dashboards and rules are files of the chart, with tests of their own. */
export function shortened(object: KubernetesObject): object {
  if (object.kind === 'PrometheusRule') return { ...object, spec: '(files/rules)' };
  const isDashboard = object.kind === 'ConfigMap' && object.metadata.name.includes('-dashboard-');
  return isDashboard ? { ...object, data: '(files/dashboards)' } : object;
}

import { stringify } from 'yaml';

import { api } from './dashboards/api.ts';
import { edge } from './dashboards/edge.ts';
import { fleet } from './dashboards/fleet.ts';
import { path } from './dashboards/path.ts';
import { slo } from './dashboards/slo.ts';
import { dashboard } from './frame.ts';
import { alertGroups } from './rules/alerts.ts';
import { objectiveGroups } from './rules/objectives.ts';
import type { RuleGroup } from './rules/rule.ts';

export const dashboards = [fleet, edge, path, api, slo].map((spec) => dashboard(spec));

const head = '# Made by `npm run dashboards` from deploy/observability; a test holds it up to date.\n';

export const ruleFiles: ReadonlyMap<string, readonly RuleGroup[]> = new Map([
  ['objectives.yaml', objectiveGroups],
  ['alerts.yaml', alertGroups],
]);

/** What the chart carries under `files/`: names and contents. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const made of dashboards)
    files.set(`dashboards/${made.uid ?? ''}.json`, `${JSON.stringify(made, undefined, 2)}\n`);
  for (const [name, groups] of ruleFiles) files.set(`rules/${name}`, head + stringify({ groups }, { lineWidth: 0 }));
  return files;
}

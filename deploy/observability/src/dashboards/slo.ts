import type { DashboardSpec, RowSpec } from '../frame.ts';
import { burns, errorRatio, eventRate, objectives, type Objective, windows } from '../slo.ts';

const chosen = '{cluster=~"$cluster", namespace=~"$namespace"}';

function row(objective: Objective): RowSpec {
  const budget = 1 - objective.target;
  const allowed = budget.toFixed(4);
  return {
    title: `${objective.title}: ${objective.target * 100} %`,
    panels: [
      {
        kind: 'number',
        title: `${objective.title}: budget left`,
        description: `At the pace of the last three days. Bad: below zero: ${objective.meaning}, more often than is allowed. ${objective.counted}`,
        unit: 'percentunit',
        limits: { warn: 0.5, bad: 0 },
        width: 6,
        queries: [{ expr: `1 - max(${errorRatio(objective, '3d')}${chosen}) / ${allowed}`, legend: 'left' }],
      },
      {
        kind: 'number',
        title: `${objective.title}: events`,
        description: `What is counted, a second. ${objective.counted} Bad: none: then the objective says nothing, and no alert comes of it.`,
        unit: 'ops',
        limits: 'none',
        width: 6,
        queries: [{ expr: `sum(${eventRate(objective, '5m')}${chosen})`, legend: 'events' }],
      },
      {
        title: `${objective.title}: pace of the budget`,
        description: `How many times faster than allowed it is used up, over each window. Bad: above ${burns[0]?.factor} in the windows of an hour and of 5 minutes: 2 % of a month's budget in an hour.`,
        unit: 'short',
        limits: { warn: 1, bad: 14.4 },
        width: 12,
        queries: windows.map((window) => ({
          expr: `max(${errorRatio(objective, window)}${chosen}) / ${allowed}`,
          legend: window,
        })),
      },
    ],
  };
}

export const slo: DashboardSpec = {
  uid: 'pharos-slo',
  title: 'Pharos E: Objectives',
  description:
    'What the service promises, and how much of what may go wrong is used up. The numbers are recorded by the rules of the chart.',
  rows: objectives.map((objective) => row(objective)),
};

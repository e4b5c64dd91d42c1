import { burns, errorRatio, eventRate, objectives, type Objective, windows, windowSeconds } from '../slo.ts';
import { type AlertRule, alertRule, type RecordingRule, type RuleGroup } from './rule.ts';

/** The share of events that went wrong, over each window, and how many there were. */
function recorded(objective: Objective): RecordingRule[] {
  return windows.flatMap((window) => [
    { record: eventRate(objective, window), expr: objective.all(window) },
    { record: errorRatio(objective, window), expr: `${objective.bad(window)} / (${objective.all(window)} > 0)` },
  ]);
}

/** Over two windows each: the long one says that it matters, the short one that it is still so. */
function burning(objective: Objective): AlertRule[] {
  const budget = 1 - objective.target;
  return burns.map(({ factor, long, short, severity }) => {
    const allowed = Number((factor * budget).toPrecision(6));
    const enough = `${eventRate(objective, long)} * ${windowSeconds[long]} >= ${objective.minEvents}`;
    return alertRule({
      name: objective.alert,
      severity,
      expr: `${errorRatio(objective, long)} > ${allowed} and ${errorRatio(objective, short)} > ${allowed} and ${enough}`,
      for: '2m',
      labels: { objective: objective.id, window: long },
      summary: `${objective.summary}: the error budget burns ${factor} times too fast`,
      description: `In namespace {{ $labels.namespace }} {{ $value | humanizePercentage }} of events went wrong in ${long} (allowed in the long run: ${Number((budget * 100).toPrecision(4))} %): ${objective.meaning}.`,
    });
  });
}

/** One group each: rules of a group are evaluated in their order, so that alerts see what was just recorded. */
export const objectiveGroups: readonly RuleGroup[] = objectives.map((objective) => ({
  name: `pharos-${objective.id}`,
  rules: [...recorded(objective), ...burning(objective)],
}));

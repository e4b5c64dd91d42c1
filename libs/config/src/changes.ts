import { formatPath, isMap, type Path } from './path.ts';

/**
 * The paths of settings that are not the same in two configurations, sorted; a list counts as one. Never their values, which
 * may be secrets.
 */
export function changedSettings(before: unknown, after: unknown): string[] {
  const changed: string[] = [];
  compare(before, after, [], changed);
  return changed.sort();
}

/** Whether a setting is one of these or lies under one of them. */
export function isUnder(path: string, sections: readonly string[]): boolean {
  return sections.some((section) => path === section || path.startsWith(`${section}.`));
}

function compare(before: unknown, after: unknown, path: Path, changed: string[]): void {
  if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(before[key], after[key], [...path, key], changed);
    }
  } else if (isMap(before) || isMap(after)) {
    // A section that one of them doesn't have: what it holds is what changed.
    const there = (isMap(before) ? before : after) as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(there)) {
      compare(isMap(before) ? there[key] : undefined, isMap(after) ? there[key] : undefined, [...path, key], changed);
    }
  } else if (JSON.stringify(before) !== JSON.stringify(after)) changed.push(formatPath(path));
}

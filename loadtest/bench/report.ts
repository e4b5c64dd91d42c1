import type { FigureOutcome, FigureResult, SkippedFigure } from './frame/figure.ts';
import { type Machine, machine, type Versions, versions } from './frame/machine.ts';
import type { Spread } from './frame/statistics.ts';

/** The document that a run leaves. */
export interface Report {
  readonly machine: Machine;
  readonly versions: Versions;
  readonly command: string;
  readonly startedAt: string;
  /** Smaller and shorter than a figure that may be quoted. */
  readonly quick: boolean;
  readonly figures: readonly FigureResult[];
  readonly skipped: readonly SkippedFigure[];
}

export function makeReport(
  run: Pick<Report, 'command' | 'startedAt' | 'quick'>,
  outcomes: readonly FigureOutcome[],
): Report {
  return {
    machine: machine(),
    versions: versions(),
    ...run,
    figures: outcomes.flatMap(({ results }) => results),
    skipped: outcomes.flatMap(({ skipped }) => skipped),
  };
}

/** The figures for people, one line each. */
export function table(report: Report): string {
  const head = ['figure', 'unit', 'pharos', 'floor', 'ratio (min–max)', 'reach', '', 'deliveries'];
  const rows = report.figures.map((figure) => [
    figure.id,
    figure.unit,
    spread(figure.pharos),
    spread(figure.floor),
    `${round(figure.ratio.median)} (${round(figure.ratio.min)}–${round(figure.ratio.max)})`,
    `${figure.better === 'more' ? '≥' : '≤'} ${figure.reach}`,
    verdict(figure),
    String(figure.checked.deliveries),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length)));
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const skips = report.skipped.map(({ id, reason }) => `${id} skipped: ${reason}`);
  return [...lines, ...skips].join('\n');
}

/** A twentieth of the writes saved moves a figure by a third of its margin. */
const noticeablePacking = 1.05;

export function verdict(figure: FigureResult): string {
  if (figure.void !== undefined) return `VOID: ${figure.void}`;
  const { ratio, reach, better } = figure;
  const reached = (better === 'more' ? ratio.median >= reach : ratio.median <= reach) ? 'reached' : 'missed';
  const { pharos, floor } = figure.publicationsPerFrame;
  if (pharos <= floor * noticeablePacking) return reached;
  return `${reached}, packed: ${round(pharos)} publications a frame`;
}

function spread({ median, min, max }: Spread): string {
  return `${round(median)} (${round(min)}–${round(max)})`;
}

/** Three digits at least; the document has all of them. */
function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

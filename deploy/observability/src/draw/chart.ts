import { formatted } from './format.ts';
import type { DrawnPanel, Line } from './model.ts';

const palette = ['#3274d9', '#e0752d', '#37872d', '#a352cc', '#c4162a', '#0f9d9f', '#b8860b', '#6d6d6d'];
const colors: Readonly<Record<string, string>> = {
  green: '#37872d',
  blue: '#3274d9',
  orange: '#e0752d',
  red: '#c4162a',
};
const left = 64;
const right = 10;
const top = 8;
const bottom = 20;
const ticks = 4;
/** More lines have no name below the chart. */
const maxLegend = 8;
/** Pixels, on average. */
const letterWidth = 6;

export interface Box {
  readonly width: number;
  readonly height: number;
}

/** Curves over time, thresholds dashed, the names of lines below. */
export function curveSvg(panel: DrawnPanel, range: { readonly start: number; readonly end: number }, box: Box): string {
  const { lines, unit, thresholds } = panel;
  if (lines.length === 0) return emptySvg(box);
  const names = lines.slice(0, maxLegend).map(({ name }) => name);
  const columns = names.some((name) => name.length * letterWidth > (box.width - left) / 2 - 20) ? 1 : 2;
  const legendRows = Math.ceil(names.length / columns);
  const plotHeight = box.height - top - bottom - 14 * legendRows;
  const [low, high] = extent(panel);
  const x = (at: number): number =>
    left + ((at - range.start) / (range.end - range.start)) * (box.width - left - right);
  const y = (value: number): number =>
    top + (1 - (Math.min(high, Math.max(low, value)) - low) / (high - low)) * plotHeight;
  const parts: string[] = [];
  for (let tick = 0; tick <= ticks; tick++) {
    const value = low + ((high - low) * tick) / ticks;
    parts.push(rule(y(value), box, '#ddd', ''), label(left - 6, y(value) + 4, formatted(value, unit), 'end'));
  }
  for (let tick = 0; tick <= 3; tick++) {
    const at = range.start + ((range.end - range.start) * tick) / 3;
    const anchor = tick === 0 ? 'start' : tick === 3 ? 'end' : 'middle';
    parts.push(label(x(at), top + plotHeight + 14, clock(at), anchor));
  }
  for (const { value, color } of thresholds.filter((one) => one.value >= low && one.value <= high)) {
    parts.push(rule(y(value), box, colors[color] ?? color, 'stroke-dasharray="5 4"'));
  }
  for (const [index, line] of lines.entries()) parts.push(curve(line, x, y, colorOf(index)));
  for (const [index, name] of names.entries()) {
    const atX = left + (index % columns) * ((box.width - left) / columns);
    const atY = top + plotHeight + 30 + 14 * Math.floor(index / columns);
    parts.push(`<rect x="${atX - 14}" y="${atY - 8}" width="9" height="9" fill="${colorOf(index)}"/>`);
    const isLast = index === maxLegend - 1 && lines.length > maxLegend;
    parts.push(label(atX, atY, isLast ? `${name}, and ${lines.length - maxLegend} more` : name, 'start'));
  }
  return svg(box, parts);
}

/** The newest value, in the colour of its threshold. */
export function numberSvg({ lines, unit, color: base, thresholds }: DrawnPanel, box: Box): string {
  const newest = lines.map(({ points }) => points.at(-1)?.[1] ?? Number.NaN);
  const [value] = newest;
  if (value === undefined) return emptySvg(box);
  const color = thresholds.findLast((threshold) => value >= threshold.value)?.color ?? base;
  const text = newest.map((one) => formatted(one, unit)).join(' · ');
  return svg(box, [
    `<text x="${box.width / 2}" y="${box.height / 2 + 12}" text-anchor="middle" font-size="32" fill="${colors[color] ?? color}">${escaped(text)}</text>`,
  ]);
}

/** From the least to the largest value, at least as far as the panel says; ticks at round values. Where all is flat, as far as what is bad. */
function extent({ lines, unit, min, max, thresholds }: DrawnPanel): [number, number] {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  const least = Math.min(min ?? Number.POSITIVE_INFINITY, ...values);
  const low = Number.isFinite(least) ? least : 0;
  const largest = max ?? Math.max(...values);
  if (max !== undefined && max > low) return [low, max];
  const bad = Math.max(...thresholds.map(({ value }) => value));
  const high = largest > low ? largest : bad > low ? bad : low + 1;
  return [low, low + ticks * roundStep((high - low) / ticks, unit)];
}

/** The next larger step that reads well in the unit. */
function roundStep(step: number, unit: string): number {
  const scale = unit === 'bytes' ? 1_024 ** Math.max(0, Math.floor(Math.log2(step) / 10)) : 1;
  const power = 10 ** Math.floor(Math.log10(step / scale));
  const round = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5].find((one) => one * power * scale >= step) ?? 10;
  return round * power * scale;
}

/** Where there was no value for a while the line is broken. */
function curve({ points }: Line, x: (at: number) => number, y: (value: number) => number, color: string): string {
  const gaps = points.slice(1).map(([at], index) => at - (points[index]?.[0] ?? at));
  const step = Math.min(...gaps, Number.POSITIVE_INFINITY);
  let path = '';
  for (const [index, [at, value]] of points.entries()) {
    const isJoined = index > 0 && at - (points[index - 1]?.[0] ?? 0) <= step * 1.5;
    path += `${isJoined ? 'L' : 'M'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
  }
  // One point alone is a dot.
  return `<path d="${path}h0.01" fill="none" stroke="${color}" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/>`;
}

function colorOf(index: number): string {
  return palette[index % palette.length] ?? '#333';
}

function clock(at: number): string {
  return new Date(at * 1_000).toISOString().slice(11, 19);
}

function rule(y: number, { width }: Box, color: string, more: string): string {
  return `<line x1="${left}" x2="${width - right}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="${color}" ${more}/>`;
}

function label(x: number, y: number, text: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="11" fill="#555">${escaped(text)}</text>`;
}

function emptySvg(box: Box): string {
  return svg(box, [
    `<text x="${box.width / 2}" y="${box.height / 2}" text-anchor="middle" font-size="13" fill="#999">no data</text>`,
  ]);
}

function svg({ width, height }: Box, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${parts.join('')}</svg>`;
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

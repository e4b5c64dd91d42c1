import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Rendered } from './chart.ts';
import { shortened } from './renders.ts';

/** A value by its path, such as `edge.service.port`. */
export type Leaf = readonly [path: string, value: unknown];

/** What of a tree has nothing below it: scalars, lists, and what is empty. */
export function leavesOf(tree: unknown, path = ''): Leaf[] {
  const isTree = typeof tree === 'object' && tree !== null && !Array.isArray(tree);
  const entries = isTree ? Object.entries(tree as Record<string, unknown>) : [];
  if (entries.length === 0) return [[path, tree]];
  return entries.flatMap(([key, value]) => leavesOf(value, path === '' ? key : `${path}.${key}`));
}

export function read(file: string): unknown {
  return parse(readFileSync(file, 'utf8'));
}

/** Whether a number or a text stands anywhere in what was made of it but in dashboards and rules, as it is or in a longer text. */
export function occurs(value: string | number, rendered: Rendered): boolean {
  const literal = String(value).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = new RegExp(typeof value === 'number' ? `(?<![\\w.])${literal}(?![\\d.])` : literal);
  return rendered.objects.some((object) => leavesIn(shortened(object)).some((leaf) => pattern.test(leaf)));
}

/** Checksums have any number in them. */
const checksum = /^[0-9a-f]{64}$/;

function leavesIn(value: unknown): string[] {
  if (typeof value === 'string' || typeof value === 'number') return checksum.test(`${value}`) ? [] : [`${value}`];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(leavesIn);
}

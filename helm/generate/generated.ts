import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withValues } from './readme.ts';
import { services, serviceSettings } from './services.ts';
import { valuesSchema } from './values-schema.ts';

export interface GeneratedFile {
  readonly path: string;
  readonly content: string;
}

/** The folder of the chart, seen from helm/generate and helm/dist alike. */
export const chartFolder: string = fileURLToPath(new URL('../pharos/', import.meta.url));

/** The chart's generated files as they are to be. */
export function generated(): GeneratedFile[] {
  const read = (name: string): string => readFileSync(`${chartFolder}${name}`, 'utf8');
  const settings = Object.keys(services).map((name) => [name, serviceSettings(name)]);
  return [
    { path: `${chartFolder}values.schema.json`, content: json(valuesSchema()) },
    { path: `${chartFolder}files/services.json`, content: json(Object.fromEntries(settings)) },
    { path: `${chartFolder}README.md`, content: withValues(read('README.md'), read('values.yaml')) },
  ];
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 1)}\n`;
}

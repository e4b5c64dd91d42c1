import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TestkitError } from './errors.ts';

const textFile = /^(readme|license|licence|changelog|notice|thirdpartynotice).*\.?(md|txt)?$/i;
const maxLineChars = 1_000;

/**
 * `count` lines that people wrote, none of them empty: the documentation of the installed packages, in a fixed order for
 * one package lock. Lines repeat (licences do), hold Unicode and have the lengths that real text has.
 */
export function realTextLines(count: number): string[] {
  const lines: string[] = [];
  for (const path of textFiles(nodeModules())) {
    for (const line of readFileSync(path, 'utf8').split(/\r?\n/)) {
      if (line.trim() !== '' && line.length <= maxLineChars) lines.push(line);
    }
    if (lines.length >= count) return lines.slice(0, count);
  }
  throw new TestkitError('invalid-option', `the installed packages hold ${lines.length} lines of text, not ${count}`);
}

function nodeModules(): string {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  return dirname(dirname(typescript));
}

function* textFiles(folder: string, depth = 0): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    // Symbolic links are the workspaces: the text must not change with the project's own code.
    if (entry.isFile() && depth > 0 && textFile.test(entry.name)) yield path;
    else if (entry.isDirectory() && depth < 2 && !entry.name.startsWith('.')) yield* textFiles(path, depth + 1);
  }
}

// Puts test files together that share a process: most of what a small one costs is its process, which loads what it tests.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';

/**
 * @param {readonly string[]} files
 * @param {number} size files in one process; with 1 each file is run as it is
 * @param {Readonly<Record<string, string>>} compiled where a file is to be loaded from, in place of its source
 */
export function bundles(files, size, compiled) {
  if (size === 1) return { paths: files, bundled: [], remove: () => undefined };
  const first = files.filter(waits);
  const last = files.filter(hasFakeTimers);
  const shared = files.filter((file) => ![...first, ...last].includes(file));
  const count = Math.ceil(shared.length / size);
  // Dealt out in turn: neighbours are alike, in what they cost too.
  const parts = Array.from({ length: count }, (_, index) => shared.filter((_file, at) => at % count === index));
  const folder = mkdtempSync(join(tmpdir(), 'pharos-tests-'));
  const alone = (list) => list.map((file) => [file]);
  const paths = [...alone(first), ...parts, ...alone(last)].map((part, index) => {
    const path = join(folder, `${index}.test.mjs`);
    writeFileSync(path, source(part, compiled));
    return path;
  });
  return { paths, bundled: files, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What waits for true time goes first and alone, beside those that work. */
function waits(file) {
  return file.endsWith('/timeouts.test.ts');
}

/** Node 20 doesn't give back all of the timers that it has replaced: whatever came after them in its process would wait for ever. */
function hasFakeTimers(file) {
  return readFileSync(file, 'utf8').includes('mock.timers');
}

/** A suite for each file, so that its hooks are its own. */
function source(files, compiled) {
  const list = JSON.stringify(files.map((file) => [file, pathToFileURL(resolve(compiled[file] ?? file)).href]));
  return `import { describe } from 'node:test';\nfor (const [name, url] of ${list}) describe(name, () => import(url));\n`;
}

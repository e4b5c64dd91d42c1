// Puts test files together that share a process: most of what a small one costs is its process, which compiles what it tests.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';

/**
 * @param {readonly string[]} files
 * @param {number} size files in one process; with 1 each file is run as it is
 */
export function bundles(files, size) {
  if (size === 1) return { paths: files, bundled: [], remove: () => undefined };
  const alone = files.filter(hasFakeTimers);
  const bundled = files.filter((file) => !alone.includes(file));
  const folder = mkdtempSync(join(tmpdir(), 'pharos-tests-'));
  const count = Math.ceil(bundled.length / size);
  const paths = Array.from({ length: count }, (_, index) => {
    const path = join(folder, `${index}.test.mjs`);
    // Dealt out in turn: neighbours are alike, in what they cost too.
    writeFileSync(path, source(bundled.filter((_file, at) => at % count === index)));
    return path;
  });
  return { paths: [...paths, ...alone], bundled, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Node 20 doesn't give back all of the timers that it has replaced: whatever came after them in its process would wait for ever. */
function hasFakeTimers(file) {
  return readFileSync(file, 'utf8').includes('mock.timers');
}

/** A suite for each file, so that its hooks are its own. */
function source(files) {
  const list = JSON.stringify(files.map((file) => [file, pathToFileURL(resolve(file)).href]));
  return `import { describe } from 'node:test';\nfor (const [name, url] of ${list}) describe(name, () => import(url));\n`;
}

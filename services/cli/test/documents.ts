// What the documents of the repository say: their prose, their code, the commands in it.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../../../', import.meta.url));
const skipped = new Set(['node_modules', 'dist', 'dist-test', 'coverage', '.git', '.pharos', 'testdata']);

export const read = (path: string): string => readFileSync(path, 'utf8');
export const shortName = (file: string): string => relative(root, file);

function* markdown(folder: string): Iterable<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* markdown(path);
    else if (entry.name.endsWith('.md')) yield path;
  }
}

/** Paths of all Markdown files. */
export const documents: readonly string[] = [...markdown(root)];

const fence = /^ *(`{3,})([^\n]*)\n(.*?)^ *\1 *$/gms;

/** Without what is code: nothing in it is a link or a heading. */
export function prose(text: string): string {
  return text.replace(fence, '').replace(/`[^`\n]*`/g, (code) => 'x'.repeat(code.length));
}

export interface Block {
  readonly language: string;
  readonly text: string;
}

/** Code that stands on lines of its own. */
export function blocks(text: string): Block[] {
  return [...text.matchAll(fence)].map(([, , language = '', code = '']) => ({ language: language.trim(), text: code }));
}

/** Code within sentences and tables. */
export function spans(text: string): string[] {
  return [...text.replace(fence, '').matchAll(/`((?:[^`\n]|\n(?!\n))+)`/g)].map(([, code = '']) =>
    code.replaceAll('\\|', '|').replaceAll('\n', ' '),
  );
}

/** What one is told to type: lines for a shell, and commands in sentences. Without comments and what a shell does itself. */
export function commands(text: string): string[] {
  const lines = blocks(text)
    .filter(({ language }) => language === 'sh' || language === 'bash')
    .flatMap((block) => block.text.replaceAll('\\\n', ' ').split('\n'));
  return [...lines, ...spans(text)].flatMap((line) =>
    line
      .replace(/(^|\s)#.*$/, '')
      .split(/\s*(?:&&|;|\||\$\(|\)$)\s*/)
      .map((part) =>
        part
          .replace(/^(?:[A-Z_]+=\S+ +)+/, '')
          .replace(/ +[<>] *\S+/g, '')
          .trim(),
      ),
  );
}

/** As a shell splits them; what is left out at the end of an example (`…`) is no argument. */
export function words(command: string): string[] {
  const all = [...command.replace(/ …$/, '').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)];
  return all.map(([, double, single, plain]) => double ?? single ?? plain ?? '');
}

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  type Document,
  isMap as isYamlMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
} from 'yaml';
import type { Path } from './path.ts';
import { isMap } from './path.ts';

/** A configuration file once read: what it holds and on which line. */
export interface ConfigFile {
  readonly name: string;
  readonly tree: Record<string, unknown>;
  readonly problems: readonly string[];
  /** `pharos.yaml:12` for the deepest part of `path` that the file has; the bare name where it has none of it. */
  locate(path: Path): string;
}

/** What YAML's own messages would say; they quote the source, which may be a secret, so they are not passed on. */
const SYNTAX_ERRORS: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'expected a known alias after *',
  BAD_DQ_ESCAPE: 'expected a known escape after the backslash in double quotes',
  BAD_INDENT: 'expected other indentation here',
  BAD_SCALAR_START: 'expected quotes around a text that starts with this character',
  BLOCK_AS_IMPLICIT_KEY: 'expected the value on a line of its own or in quotes: a second "key:" is on this line',
  DUPLICATE_KEY: 'expected each key once, but this one comes again',
  MISSING_CHAR: 'expected a closing quote or bracket, or a colon after the key',
  MULTILINE_IMPLICIT_KEY: 'expected a key on one line, followed by a colon',
  MULTIPLE_DOCS: 'expected one YAML document, but a second one starts',
  NON_STRING_KEY: 'expected a text as key',
  TAB_AS_INDENT: 'expected spaces as indentation, but found a tab',
};

export function readConfigFile(file: string): ConfigFile {
  const name = basename(file);
  const failed = (problem: string): ConfigFile => ({ name, tree: {}, problems: [problem], locate: () => name });
  const read = readTextFile(file);
  if ('failure' in read) return failed(`${file}: cannot be read (${read.failure}), expected a YAML file`);
  const { text } = read;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return `${name}:${line}: not valid YAML at column ${col}, ${SYNTAX_ERRORS[error.code] ?? 'expected YAML'}`;
    });
    return { ...failed(''), problems };
  }
  let tree: unknown;
  try {
    tree = document.toJS();
  } catch {
    // Only aliases can fail here, and the message quotes them.
    return failed(`${name}: not valid YAML, expected every alias to name an anchor above it`);
  }
  if (tree === null || tree === undefined) tree = {};
  if (!isMap(tree))
    return failed(`${name}:1: found ${Array.isArray(tree) ? 'a list' : 'a text'}, expected a map of settings`);
  return { name, tree, problems: [], locate: (path) => locate(document, lines, name, path) };
}

/** What a file holds, or why it can't be read. */
export function readTextFile(file: string): { readonly text: string } | { readonly failure: string } {
  try {
    return { text: readFileSync(file, 'utf8') };
  } catch (error) {
    return { failure: readFailure(error) };
  }
}

function locate(document: Document, lines: LineCounter, name: string, path: Path): string {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    if (isYamlMap(node)) {
      const pair: Pair | undefined = node.items.find((item) => keyText(item.key) === String(key));
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset === undefined ? name : `${name}:${lines.linePos(offset).line}`;
}

function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function readFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'EACCES') return 'permission denied';
  return error instanceof Error ? error.message : String(error);
}

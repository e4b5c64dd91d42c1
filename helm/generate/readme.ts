import { isMap, isScalar, type Pair, parseDocument } from 'yaml';

const start = '<!-- values: generated -->';
const end = '<!-- end of values -->';

interface Row {
  readonly key: string;
  readonly fallback: string;
  readonly description: string;
}

/** The README with the table of values anew, from values.yaml and the comments in it that start with `# --`. */
export function withValues(readme: string, valuesYaml: string): string {
  const [before, rest] = readme.split(start, 2);
  const after = rest?.split(end, 2)[1];
  if (before === undefined || after === undefined) throw new Error(`README.md has no ${start} … ${end}`);
  const lines = rows(parseDocument(valuesYaml).contents, '').map(
    ({ key, fallback, description }) => `| \`${key}\` | ${fallback} | ${description.replaceAll('|', '\\|')} |`,
  );
  return `${before}${start}\n| value | default | meaning |\n| --- | --- | --- |\n${lines.join('\n')}\n${end}${after}`;
}

function rows(node: unknown, path: string): Row[] {
  if (!isMap(node)) return [];
  return node.items.flatMap((pair) => {
    const key = `${path}${keyOf(pair)}`;
    const { value } = pair;
    const description = describe(
      isScalar(pair.key) ? pair.key.commentBefore : undefined,
      node.commentBefore,
      pair === node.items[0],
    );
    const inner = isMap(value) && value.items.length > 0 ? rows(value, `${key}.`) : undefined;
    const fallback = `\`${JSON.stringify((value as { toJSON?: () => unknown } | null)?.toJSON?.() ?? null)}\``;
    if (inner === undefined) return [{ key, fallback, description }];
    return description === '' ? inner : [{ key, fallback: '', description }, ...inner];
  });
}

function keyOf(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key);
}

/** The comment of a map's first key belongs to the map, as the parser sees it. */
function describe(own: string | null | undefined, ofMap: string | null | undefined, isFirst: boolean): string {
  const lines = (own ?? (isFirst ? ofMap : '') ?? '').split('\n').map((line) => line.trim());
  const from = lines.findLastIndex((line) => line.startsWith('-- '));
  return from < 0 ? '' : lines.slice(from).join(' ').slice(3).trim();
}

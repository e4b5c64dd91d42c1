import { inspect } from 'node:util';

const maxLines = 30;
const maxColumns = 400;

/** What the end of a run says of a test that failed: where it is, and its error, bounded, since it may hold all that was sent. */
export function failureText({ name, file, line, details: { error } }) {
  const where = file === undefined ? name : `${name} (${file}${line === undefined ? '' : `:${line}`})`;
  const lines = inspect(error?.cause ?? error).split('\n');
  const shown = lines.slice(0, maxLines).map((text) => `    ${text.slice(0, maxColumns)}`);
  if (lines.length > maxLines) shown.push(`    … ${lines.length - maxLines} more lines`);
  return [where, ...shown].join('\n');
}

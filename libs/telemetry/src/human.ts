import { inspect } from 'node:util';

const LEVELS: Readonly<Record<number, { readonly label: string; readonly colour: number }>> = {
  10: { label: 'TRACE', colour: 90 },
  20: { label: 'DEBUG', colour: 90 },
  30: { label: 'INFO', colour: 32 },
  40: { label: 'WARN', colour: 33 },
  50: { label: 'ERROR', colour: 31 },
  60: { label: 'FATAL', colour: 35 },
};
const DIM = 90;

interface LogRecord {
  readonly level: number;
  readonly time: number;
  readonly name?: string;
  readonly msg?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A JSON log line as one line for a person: `12:30:01.250 INFO  edge: client connected client=4f… (transport=ws)`. */
export function formatForPeople(line: string, options: { readonly colours: boolean }): string {
  const record = parse(line);
  if (record === undefined) return line;
  const paint = (text: string, colour: number): string =>
    options.colours ? `\u001b[${colour}m${text}\u001b[0m` : text;
  const level = LEVELS[record.level] ?? { label: `L${record.level}`, colour: DIM };
  const parts = [
    paint(timeOfDay(record.time), DIM),
    paint(level.label.padEnd(5), level.colour),
    ...(record.name === undefined ? [] : [`${record.name}:`]),
    ...(record.msg === undefined ? [] : [printable(record.msg)]),
    ...Object.entries(record.fields).map(
      ([key, value]) => `${paint(`${printable(key)}=`, DIM)}${printable(show(key, value))}`,
    ),
  ];
  return `${parts.join(' ')}\n`;
}

function parse(line: string): LogRecord | undefined {
  try {
    const { level, time, name, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    if (typeof level !== 'number' || typeof time !== 'number') return undefined;
    return {
      level,
      time,
      fields,
      ...(typeof name === 'string' ? { name } : {}),
      ...(typeof msg === 'string' ? { msg } : {}),
    };
  } catch {
    return undefined;
  }
}

function timeOfDay(timeMs: number): string {
  const date = new Date(timeMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

function show(key: string, value: unknown): string {
  if (key === 'err' && typeof value === 'object' && value !== null) return showError(value);
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
  return inspect(value, { breakLength: Infinity, compact: true, depth: 4 });
}

/** An error on one line: its type and message, and the first place in its stack. */
function showError(error: object): string {
  const field = (name: string): string => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === 'string' ? value : '';
  };
  const at = /\n\s+(at .*)/.exec(field('stack'))?.[1];
  return JSON.stringify(`${field('type')}: ${field('message')}${at === undefined ? '' : ` ${at}`}`);
}

/** Records may quote what a client sent; control characters in it must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

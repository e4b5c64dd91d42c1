import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { apiConfigSchema } from '@pharos/api-service';
import { describeConfig } from '@pharos/config';
import { edgeConfigSchema, edgePreset } from '@pharos/edge';
import { historyConfigSchema } from '@pharos/history-service';
import { presenceConfigSchema } from '@pharos/presence-service';
import { standaloneConfigSchema } from '@pharos/standalone';
import { parse } from 'yaml';

import { configurationReference, errorReference, metricReference } from '../src/reference.ts';
import { blocks, documents, read, root, shortName, spans } from './documents.ts';

const docs = new URL('../../../docs/', import.meta.url);

for (const [file, topic, text] of [
  ['configuration.md', 'config', configurationReference],
  ['errors.md', 'errors', errorReference],
  ['metrics.md', 'metrics', metricReference],
] as const) {
  test(`docs/${file} is what the code says`, async () => {
    const committed = await readFile(new URL(file, docs), 'utf8');
    assert.equal(committed, text(), `out of date: npx pharos reference ${topic} > docs/${file}`);
  });
}

test('every option and every code has its meaning', () => {
  for (const text of [configurationReference(), errorReference(), metricReference()]) {
    const rows = text.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
    assert.ok(rows.length > 10);
    for (const row of rows) assert.match(row, /[^ |] \|$/, `no meaning: ${row}`);
  }
});

const settings = [
  edgeConfigSchema(edgePreset),
  standaloneConfigSchema(),
  apiConfigSchema(),
  historyConfigSchema(),
  presenceConfigSchema(),
].flatMap((schema) => describeConfig(schema));

/** Settings and sections; of a list and a map what their elements have. */
const keys = new Set(
  settings.flatMap(({ path }) => {
    const parts = path.split('.').filter((part) => !part.startsWith('<'));
    return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
  }),
);
const names = new Set([...keys].map((key) => key.slice(key.lastIndexOf('.') + 1)));
const sections = [...keys].filter((key) => !key.includes('.'));
const variables = new Set(settings.flatMap(({ env, envFile }) => [env, envFile]));

/** Whether a setting's value is free, as that of a map is: nothing below it has a name. */
const isWhole = (path: string): boolean => keys.has(path) && ![...keys].some((key) => key.startsWith(`${path}.`));

/** Settings in a YAML file, as dotted keys. */
function* keysOf(value: unknown, path = ''): Iterable<string> {
  if (isWhole(path)) yield path;
  else if (Array.isArray(value)) for (const element of value as unknown[]) yield* keysOf(element, path);
  else if (value !== null && typeof value === 'object')
    for (const [key, below] of Object.entries(value)) yield* keysOf(below, path === '' ? key : `${path}.${key}`);
  else yield path;
}

/** The chart's values have settings elsewhere; decisions tell of what was once. */
const ofSettings = documents.filter((file) => !/^(?:helm|docs\/decisions)\//.test(shortName(file)));
const isCentrifugo = (text: string): boolean => text.includes('http_server:');
/** Of Centrifugo and Socket.IO. */
const ofOthers = new Set(['client.subscribe_to_user_personal_channel', 'socket.data', 'socket.join']);
/** How options of channels and limits are called. Methods of the server API are called so too. */
const likeOption = /^(?:allow|force|history)_|^(?!pharos_).*_(?:enabled|limit|ttl|timeout|interval|proxy_name)$/;
const methods = new Set(['history_remove']);

test('every setting that documents name is one', () => {
  const isKnown = (key: string): boolean => keys.has(key) || ofOthers.has(key) || names.has(key) || methods.has(key);
  const isMeant = (span: string): boolean => {
    const [section = '', ...rest] = span.split('.');
    return /^[a-z_.]+$/.test(span) && (rest.length > 0 ? sections.includes(section) : likeOption.test(span));
  };
  const wrong = ofSettings.flatMap((file) => {
    const text = read(file);
    const files = blocks(text).filter(({ language, text }) => language === 'yaml' && !isCentrifugo(text));
    const named = [...spans(text).filter(isMeant), ...files.flatMap((block) => [...keysOf(parse(block.text))])];
    return named.filter((key) => !isKnown(key)).map((key) => `${shortName(file)}: ${key}`);
  });
  assert.deepEqual(wrong, []);
});

test('what the table of Centrifugo says that Pharos has, and has not, is so', () => {
  const text = read(join(root, 'docs', 'migrate-from-centrifugo.md'));
  const [, table = ''] = /^\| of Centrifugo .*?\n\|[-| ]+\n(.*?)\n\n/ms.exec(text) ?? [];
  const rows = table.split('\n').map((row) => row.split(' | '));
  assert.ok(rows.length > 15);
  const inSchema = (span: string): boolean => [...keys].some((key) => key === span || key.endsWith(`.${span}`));
  const settingsIn = (cell: string): string[] =>
    spans(cell).filter((span) => /^[a-z_.]+$/.test(span) && span !== 'api');
  for (const [theirs = '', ours = ''] of rows) {
    if (settingsIn(theirs).length === 0) continue;
    const isSame = ours.startsWith('the same');
    if (isSame || ours.startsWith('no'))
      for (const name of settingsIn(theirs)) assert.equal(inSchema(name), isSame, `${name} of Centrifugo: ${ours}`);
    const [said = ''] = ours.split(':');
    for (const name of settingsIn(said)) assert.ok(inSchema(name), `${name}: no such setting`);
  }
});

test('every variable that documents name is one', () => {
  const others = ['PHAROS_CONFIG', 'PHAROS_TEST_PULSAR_URL', 'PHAROS_TEST_PULSAR_ADMIN_URL'];
  const known = [...variables, ...others].filter((name) => name !== undefined);
  const wrong = documents.flatMap((file) =>
    [...read(file).matchAll(/\bPHAROS_[A-Z_]*[A-Z](_…|_\*)?/g)].flatMap(([name, left]) => {
      const stem = left === undefined ? undefined : name.slice(0, -1);
      const isKnown = stem === undefined ? known.includes(name) : known.some((one) => one.startsWith(stem));
      return isKnown ? [] : [`${shortName(file)}: ${name}`];
    }),
  );
  assert.deepEqual(wrong, []);
});

test('every metric that documents name is one', () => {
  const known = new Set([...metricReference().matchAll(/^\| `([a-z_]+)` \| ([a-z]+) \|/gm)].map(([, name]) => name));
  // What prometheus-adapter makes of one, for an autoscaler.
  for (const file of documents) for (const [, name] of read(file).matchAll(/\{as: ([a-z_]+)\}/g)) known.add(name);
  const wrong = documents.flatMap((file) =>
    [...read(file).matchAll(/\bpharos_[a-z_]+\b/g)].flatMap(([name]) => {
      const isKnown = name.endsWith('_')
        ? [...known].some((one) => one?.startsWith(name))
        : known.has(name.replace(/(?<=_seconds|_bytes)_(?:bucket|sum|count)$/, ''));
      return isKnown ? [] : [`${shortName(file)}: ${name}`];
    }),
  );
  assert.deepEqual(wrong, []);
});

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';

import { isMap } from '@pharos/config';
import { edgeConfigSchema, edgePreset } from '@pharos/edge';
import { standaloneConfigSchema } from '@pharos/standalone';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml, stringify } from 'yaml';

import { CliError } from '../errors.ts';
import { sayDefaultsOf } from './closed.ts';
import { convert, type Converted } from './convert.ts';

const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  '.json': (text) => JSON.parse(text) as unknown,
  '.yaml': (text) => parseYaml(text) as unknown,
  '.yml': (text) => parseYaml(text) as unknown,
  '.toml': (text) => parseToml(text),
};

/** Whose settings a Centrifugo's can be: of its clients alone, or of the server API too, as Centrifugo has both in one. */
export type ConvertedService = 'standalone' | 'edge';

/** Pharos settings, as YAML, for the file of a Centrifugo v6; and what they leave out. @throws CliError `usage` where the file can't be read */
export async function fromCentrifugo(
  file: string,
  service: ConvertedService,
): Promise<{ readonly yaml: string; readonly left: Converted['left'] }> {
  const parse = parsers[extname(file).toLowerCase()];
  if (parse === undefined) {
    throw new CliError('usage', `${file}: expected a name that ends in ${Object.keys(parsers).join(', ')}`);
  }
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CliError('usage', `${file} can not be read`, { cause });
  });
  let tree: unknown;
  try {
    tree = parse(text);
  } catch {
    // What parsers say quotes the file, which holds secrets.
    throw new CliError('usage', `${file} is no valid ${extname(file).slice(1).toUpperCase()}`);
  }
  if (!isMap(tree)) throw new CliError('usage', `${file}: expected settings, a map`);
  // In a cluster a Pulsar must be named, which Centrifugo knows nothing of.
  const edge = edgeConfigSchema({ ...edgePreset, pulsarUrlRequired: false });
  const schema = service === 'edge' ? edge : standaloneConfigSchema();
  const { config, left } = convert(tree, schema);
  sayDefaultsOf(config, schema, edge);
  const body = Object.keys(config).length === 0 ? '' : stringify(config);
  return {
    yaml: `# For pharos serve ${service}. Pulsar, where the messages go:\n# pulsar:\n#   url: pulsar://broker:6650\n${body}`,
    left,
  };
}

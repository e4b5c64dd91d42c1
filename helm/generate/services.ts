import { apiConfigSchema } from '@pharos/api-service';
import { describeConfig, type SettingDescription, type z } from '@pharos/config';
import { edgeConfigSchema, edgePreset } from '@pharos/edge';
import { historyConfigSchema } from '@pharos/history-service';
import { presenceConfigSchema } from '@pharos/presence-service';

/** The services that the chart runs, by the names of `pharos serve`. */
export const services: Readonly<Record<string, z.ZodType>> = {
  edge: edgeConfigSchema(edgePreset),
  api: apiConfigSchema(),
  history: historyConfigSchema(),
  presence: presenceConfigSchema(),
};

/** The chart sets these itself. */
export const setByChart: readonly string[] = ['name', 'listen', 'internal', 'drain_timeout'];

/** Sections by key; `true` is a setting. */
export interface SettingTree {
  [key: string]: SettingTree | true;
}

/** A setting that can come from a Secret or a ConfigMap, mounted as a file. */
export interface FileSetting {
  /** The variable that names the file. */
  readonly variable: string;
  /** Whether it is to be a Secret. */
  readonly secret: boolean;
}

/** What a service takes, as the chart's templates read it. */
export interface ServiceSettings {
  readonly settings: SettingTree;
  readonly files: Readonly<Record<string, FileSetting>>;
}

/** Credentials for backends that only edges ask: others read these sections for what else is in them, and are given no secret for nothing. */
const forEdgesOnly = 'channel.proxy.';

export function serviceSettings(name: string): ServiceSettings {
  const schema = services[name];
  if (schema === undefined) throw new TypeError(`there is no service ${name}`);
  const described = describeConfig(schema).filter(({ path }) => !isSetByChart(path) && !path.includes('<'));
  const settings: SettingTree = {};
  for (const { path, envFile } of described) if (envFile === undefined) addTo(settings, path.split('.'));
  const files = described.flatMap((setting) => {
    const file = name !== 'edge' && setting.path.startsWith(forEdgesOnly) ? undefined : fileSetting(setting);
    return file === undefined ? [] : [[setting.path, file] as const];
  });
  return { settings, files: Object.fromEntries(files) };
}

function fileSetting({ path, env, envFile }: SettingDescription): FileSetting | undefined {
  if (envFile !== undefined) return { variable: envFile, secret: true };
  if (env === undefined || !path.endsWith('_file')) return undefined;
  return { variable: env, secret: /(?:key|token)_file$/.test(path) };
}

export function isSetByChart(path: string): boolean {
  return setByChart.some((key) => path === key || path.startsWith(`${key}.`));
}

function addTo(tree: SettingTree, [key = '', ...rest]: readonly string[]): void {
  if (rest.length === 0) {
    tree[key] = true;
    return;
  }
  const section = tree[key];
  const below = section === undefined || section === true ? {} : section;
  tree[key] = below;
  addTo(below, rest);
}

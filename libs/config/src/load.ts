import type { z } from 'zod';
import {
  applyEnvironment,
  type Environment,
  leavesOf,
  refuseSharedVariables,
  unknownVariables,
  variableName,
} from './environment.ts';
import { ConfigError } from './errors.ts';
import { type ConfigFile, readConfigFile } from './file.ts';
import { normalise, type UnknownKey } from './normalise.ts';
import { formatPath, type Path } from './path.ts';
import { describeIssue } from './problems.ts';

export interface LoadConfigOptions {
  /** Path of the YAML file. @default none: environment and defaults only */
  readonly file?: string | undefined;
  /** The process's environment, as main has it; it wins over the file. */
  readonly env: Environment;
  /** @default 'PHAROS_' */
  readonly prefix?: string;
  /** Further variables with the prefix that other code reads; one that ends in `*` stands for all that start so. @default [] */
  readonly reserved?: readonly string[];
}

/** `CONFIG` names the file itself (main reads it), `TEST_*` belongs to the test runner. */
const ALWAYS_RESERVED: readonly string[] = ['CONFIG', 'TEST_*'];

/**
 * Reads a configuration from a YAML file and the environment and checks it against a zod object schema.
 *
 * `pulsar.admin_url` is set by `PHAROS_PULSAR_ADMIN_URL`. Lists are separated by commas, maps are written as JSON.
 * A section that is absent is treated as empty, so defaults inside it need no default of their own around it.
 *
 * @throws ConfigError with every mistake at once.
 */
export function loadConfig<T>(schema: z.ZodType<T>, options: LoadConfigOptions): T {
  const prefix = options.prefix ?? 'PHAROS_';
  const leaves = leavesOf(schema, prefix);
  refuseSharedVariables(leaves);
  const file = options.file === undefined ? undefined : readConfigFile(options.file);
  const tree = file?.tree ?? {};
  const environment = applyEnvironment(tree, leaves, options.env);
  const source = (path: Path): string | undefined => variableFor(path, environment.sources) ?? file?.locate(path);

  const unknown: UnknownKey[] = [];
  const settings = normalise(schema, tree, [], unknown);
  const result = schema.safeParse(settings);
  const reserved = [...ALWAYS_RESERVED.map((name) => prefix + name), ...(options.reserved ?? [])];
  const problems = [
    ...(file?.problems ?? []),
    ...unknown.map((entry) => entry.problem + place(source(entry.path))),
    ...environment.problems,
    ...unknownVariables(options.env, prefix, leaves, reserved),
  ];
  // A file that can't be read makes everything look missing; the one true mistake would drown.
  if (!result.success && (file?.problems ?? []).length === 0) {
    const context = { schema, tree: settings, source, remedy: (path: Path) => remedy(path, prefix, leaves, file) };
    const issues = result.error.issues.filter((issue) => issue.code !== 'unrecognized_keys');
    problems.push(...issues.map((issue) => describeIssue(issue, context)));
  }
  if (problems.length > 0 || !result.success) throw new ConfigError('invalid-config', problems);
  return result.data;
}

function place(source: string | undefined): string {
  return source === undefined ? '' : ` (${source})`;
}

/** The variable that set the value at `path` or a map around it. */
function variableFor(path: Path, sources: ReadonlyMap<string, string>): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const variable = sources.get(formatPath(path.slice(0, length)));
    if (variable !== undefined) return variable;
  }
  return undefined;
}

function remedy(path: Path, prefix: string, leaves: ReturnType<typeof leavesOf>, file: ConfigFile | undefined): string {
  const variable = variableName(prefix, path.map(String));
  const hasVariable = leaves.some((leaf) => leaf.variable === variable);
  const ways = [`in ${file?.name ?? 'the configuration file'}`, ...(hasVariable ? [`by ${variable}`] : [])];
  return ways.join(' or ');
}

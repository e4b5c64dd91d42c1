import { type ErrorTable, PharosError } from '@pharos/errors';

export const configErrorTable: ErrorTable = {
  'invalid-config': {
    retryable: false,
    description: 'The configuration has mistakes; each is named with its path, its place and what is expected there.',
  },
  'invalid-schema': {
    retryable: false,
    description:
      'A configuration schema cannot be read from the environment: a mistake of the programmer, not of the user.',
  },
};

export type ConfigErrorCode = 'invalid-config' | 'invalid-schema';

/** Everything that is wrong with a configuration, at once. */
export class ConfigError extends PharosError<ConfigErrorCode> {
  /** One line a mistake: path, what was found, what is expected, and the file and line or the variable. */
  readonly problems: string[];

  constructor(code: ConfigErrorCode, problems: string[]) {
    super(configErrorTable, code, summary(problems));
    this.problems = problems;
  }
}

function summary(problems: string[]): string {
  const [first] = problems;
  if (problems.length === 1 && first !== undefined) return `the configuration has a mistake: ${first}`;
  return `the configuration has ${problems.length} mistakes:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`;
}

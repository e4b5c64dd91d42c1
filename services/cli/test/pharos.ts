import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ServiceProcess, spawnService } from '@pharos/testkit';

/** How node runs the command from its sources. */
export const PHAROS: readonly string[] = [
  process.execPath,
  '--conditions=source',
  '--import',
  import.meta.resolve('tsx'),
  fileURLToPath(new URL('../src/main.ts', import.meta.url)),
];

const started = new Set<ServiceProcess>();

// A test that failed leaves what it started, which would keep this process from its end.
after(() => Promise.all([...started].map((process) => process.kill())));

/** `pharos <args>` as a process of its own. */
export async function pharos(args: readonly string[], env: Record<string, string> = {}): Promise<ServiceProcess> {
  const [node = '', ...nodeArgs] = PHAROS;
  const process = await spawnService(node, [...nodeArgs, ...args], { env: { PHAROS_PULSAR_URL: undefined, ...env } });
  started.add(process);
  return process;
}

export interface Finished {
  readonly code: number | null;
  readonly out: readonly string[];
  readonly err: string;
}

/** Waits for the end. */
export async function finished(process: ServiceProcess): Promise<Finished> {
  const { code } = await process.exited;
  return { code, out: process.stdout.lines, err: process.stderr.lines.join('\n') };
}

/** Runs to the end, with `input` on standard input. */
export async function run(
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly input?: string | Buffer } = {},
): Promise<Finished> {
  const process = await pharos(args, options.env);
  if (options.input !== undefined) await process.write(options.input);
  process.endInput();
  return finished(process);
}

const PREFIX = 'Received message: ';

/** The texts of what `consume` printed; fails on a line that it can't have printed. */
export function texts(lines: readonly string[]): string[] {
  return lines.map((line) => {
    if (!line.startsWith(PREFIX)) throw new Error(`'${line}' is no received message`);
    return line.slice(PREFIX.length);
  });
}

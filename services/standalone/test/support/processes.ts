import { readFile } from 'node:fs/promises';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ServiceProcess, spawnService } from '@pharos/testkit';

/** The project's root folder. */
export const root: string = fileURLToPath(new URL('../../../../', import.meta.url));

const bin = fileURLToPath(new URL('../../../cli/bin/pharos.mjs', import.meta.url));

export type Environment = Readonly<Record<string, string | undefined>>;

/** This process's settings of Pharos, taken out: a process under test has its own only. */
function noSettings(): Record<string, undefined> {
  return Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => name.startsWith('PHAROS_'))
      .map((name) => [name, undefined]),
  );
}

const started = new Set<ServiceProcess>();

// A test that failed leaves what it started, which would keep this process from its end.
after(() => Promise.all([...started].map((process) => process.kill())));

/** A program of the project as a process of its own, in the project's root, with `env` as its only settings. */
export async function start(
  command: string,
  args: readonly string[],
  env: Environment,
  readyPattern?: RegExp,
): Promise<ServiceProcess> {
  const child = await spawnService(command, args, {
    cwd: root,
    env: { ...noSettings(), ...env },
    ...(readyPattern === undefined ? {} : { readyPattern }),
  });
  started.add(child);
  return child;
}

/** `pharos <args>`, built, as a user runs it. */
export function pharos(args: readonly string[], env: Environment, readyPattern?: RegExp): Promise<ServiceProcess> {
  return start(process.execPath, ['--enable-source-maps', bin, ...args], env, readyPattern);
}

/** Where a Pulsar is. */
export interface PulsarAddress {
  readonly serviceUrl: string;
  readonly adminUrl: string;
}

/** Lines on `pharos produce`'s standard input, to the end; its summary on standard error. Throws where it fails. */
export async function produce(
  pulsar: PulsarAddress,
  topic: string,
  lines: readonly string[],
  ...args: readonly string[]
): Promise<string> {
  const child = await pharos(['produce', '--topic', topic, ...args], { PHAROS_PULSAR_URL: pulsar.serviceUrl });
  // In pieces, so that this process can receive meanwhile.
  for (let at = 0; at < lines.length; at += 1_000) await child.write(`${lines.slice(at, at + 1_000).join('\n')}\n`);
  child.endInput();
  const { code } = await child.exited;
  const err = child.stderr.tail();
  if (code !== 0) throw new Error(`pharos produce ended with ${code}: ${err}`);
  return err;
}

/** The most memory that a process has held so far, in bytes. */
export async function peakMemoryBytes(pid: number): Promise<number> {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no VmHWM`);
  return Number(kib) * 1024;
}

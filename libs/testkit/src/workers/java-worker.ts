import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedFolder } from '../cache.ts';
import { runCommand } from '../process/run-command.ts';
import { centrifugeJars, pulsarJars } from '../pulsar/jars.ts';
import { nettyArguments } from '../pulsar/settings.ts';
import { toolPath } from '../tools.ts';
import { JsonWorker, type WorkerCommands } from './json-worker.ts';

/** Where what every worker needs lies, seen from src/workers and from dist/workers alike. */
const ownFolder = fileURLToPath(new URL('../../java/', import.meta.url));
/** The oldest Java that Pulsar runs on: what is compiled for it runs on all later ones. */
const javaRelease = '17';

export interface JavaWorkerOptions {
  /** For the virtual machine, such as `-Xmx512m`. */
  readonly java?: readonly string[];
  /** What it is compiled against: the broker's own jars, the official Pulsar client among them, or the SDK of the Centrifuge protocol. @default pulsar */
  readonly libraries?: 'pulsar' | 'centrifuge';
}

/**
 * Compiles the Java files of `folder` with `JsonLines` of the testkit against its libraries and starts `mainClass`. What was compiled stays
 * in the user's cache as long as the sources are the same.
 */
export async function startJavaWorker<C extends WorkerCommands>(
  folder: string,
  mainClass: string,
  { java = [], libraries = 'pulsar' }: JavaWorkerOptions = {},
): Promise<JsonWorker<C>> {
  const jars = await (libraries === 'pulsar' ? pulsarJars() : centrifugeJars());
  const classes = await compiled(jars, [...(await javaFiles(join(ownFolder, 'pharos'))), ...(await javaFiles(folder))]);
  const args = [
    ...nettyArguments,
    // What the client logs must not come between the answers.
    `-Dlog4j2.configurationFile=${join(ownFolder, 'log4j2.xml')}`,
    ...java,
    '-cp',
    [classes, join(jars, '*')].join(delimiter),
    mainClass,
  ];
  return JsonWorker.start<C>(mainClass, 'java', args);
}

async function javaFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.java'));
  return names.sort().map((name) => join(folder, name));
}

async function compiled(jars: string, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(basename(jars));
  for (const file of files) hash.update(await readFile(file));
  return cachedFolder(`java-${hash.digest('hex').slice(0, 16)}`, async (classes) => {
    const args = ['--release', javaRelease, '-Xlint:all,-path,-processing,-classfile', '-proc:none', '-d', classes];
    await runCommand(javac(), [...args, '-cp', join(jars, '*'), ...files], classes);
  });
}

function javac(): string {
  // Also the place where a missing JDK is named.
  toolPath('jdk');
  return 'javac';
}

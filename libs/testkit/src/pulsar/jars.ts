import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedFolder } from '../cache.ts';
import { TestkitError } from '../errors.ts';
import { runCommand } from '../process/run-command.ts';

/** The folder of Pulsar's jars, fetched with Maven (242 MB) where no earlier run has left them in the user's cache. */
export function pulsarJars(): Promise<string> {
  return jarsOf('pulsar');
}

/** The same of Pulsar's proxy (180 MB), whose version differs from the broker's and would not run on the broker's jars. */
export function pulsarProxyJars(): Promise<string> {
  return jarsOf('pulsar-proxy');
}

/** The same of the Java SDK of the Centrifuge protocol (10 MB). */
export function centrifugeJars(): Promise<string> {
  return jarsOf('centrifuge-java');
}

async function jarsOf(name: 'pulsar' | 'pulsar-proxy' | 'centrifuge-java'): Promise<string> {
  // Where the POM lies, seen from src/pulsar and from dist/pulsar alike.
  const pomPath = fileURLToPath(new URL(`../../${name}/pom.xml`, import.meta.url));
  const pom = await readFile(pomPath, 'utf8');
  const version = /<(?:pulsar|jars)\.version>([^<]+)</.exec(pom)?.[1];
  if (version === undefined) throw new TestkitError('invalid-option', `${pomPath} names no version`);
  const hash = createHash('sha256').update(pom).digest('hex').slice(0, 8);
  return cachedFolder(`${name}-${version}-${hash}`, (jars) => fetchJars(pomPath, jars));
}

async function fetchJars(pomPath: string, jars: string): Promise<void> {
  // Maven writes beside its POM; the checkout and the folder of the jars stay clean.
  const scratch = await mkdtemp(join(tmpdir(), 'pharos-maven-'));
  try {
    await copyFile(pomPath, join(scratch, 'pom.xml'));
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
    await runCommand(
      'mvn',
      ['--batch-mode', '--quiet', goal, '-DincludeScope=runtime', `-DoutputDirectory=${jars}`],
      scratch,
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

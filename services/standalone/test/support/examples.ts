import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { centrifugeJars, goBinary, pythonWith, toolPath, unavailable } from '@pharos/testkit';
import { type Environment, root } from './processes.ts';

/** How a program is started. */
export type CommandLine = readonly [command: string, ...args: string[]];

/** The examples in one language. */
export interface ExampleLanguage {
  readonly name: string;
  /** Why its tests are skipped; false where they run. */
  readonly skip: string | false;
  readonly backend: () => Promise<CommandLine>;
  readonly client: () => Promise<CommandLine>;
}

/** This machine's proxies have no part in what examples do. */
export const direct: Environment = { NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };

const examples = join(root, 'docs', 'examples');
const backends = join(examples, 'backends');
const clients = join(examples, 'clients');

/** The settings that the backends are for. */
export const exampleConfig: string = join(backends, 'pharos.yaml');

/** A chat in the terminal, and settings that need tokens for it. */
export const quickStart = {
  config: join(examples, 'quick-start', 'pharos.yaml'),
  room: join(examples, 'quick-start', 'room.mjs'),
};

/** The small backend of docs/proxies.md, and a Pharos that asks it. */
export const smallBackend = {
  config: join(examples, 'proxies', 'pharos.yaml'),
  program: join(examples, 'proxies', 'backend.mjs'),
};

/** Code of a document in one language, block by block. */
export function codeIn(document: string, language: string): string[] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, of, code = '']) => (of === language ? [code] : []));
}

/** What `curl` would ask in the lines of a document, with `-H` and `-d`. */
export function curlsIn(document: string): { url: string; init: RequestInit }[] {
  const lines = codeIn(document, 'sh').flatMap((code) => code.replaceAll('\\\n', ' ').split('\n'));
  return lines
    .filter((line) => line.startsWith('curl '))
    .map((line) => {
      const [, url = ''] = / (http:\S+)/.exec(line) ?? [];
      const headers = [...line.matchAll(/-H (['"])([^:]+): (.*?)\1/g)].map(([, , name = '', value = '']) => [
        name,
        value,
      ]);
      const [, body] = /-d '(.*?)'/.exec(line) ?? [];
      const init = { headers: Object.fromEntries(headers) as Record<string, string> };
      return { url, init: body === undefined ? init : { ...init, method: 'POST', body } };
    });
}

/** The same small application on Socket.IO, and on Pharos. */
export const socketIo = {
  server: join(examples, 'socketio', 'before', 'server.mjs'),
  clientBefore: join(examples, 'socketio', 'before', 'client.mjs'),
  backend: join(examples, 'socketio', 'after', 'backend.mjs'),
  clientAfter: join(examples, 'socketio', 'after', 'client.mjs'),
  config: join(examples, 'socketio', 'after', 'pharos.yaml'),
};

async function java(file: string): Promise<CommandLine> {
  return ['java', '-Xmx256m', '-cp', join(await centrifugeJars(), '*'), file];
}

export const exampleLanguages: readonly ExampleLanguage[] = [
  {
    name: 'TypeScript and JavaScript',
    skip: false,
    backend: () =>
      Promise.resolve([
        process.execPath,
        '--import',
        import.meta.resolve('tsx'),
        join(backends, 'typescript', 'backend.ts'),
      ]),
    client: () => Promise.resolve([process.execPath, join(clients, 'javascript', 'client.mjs')]),
  },
  {
    name: 'Python',
    skip: unavailable('python'),
    backend: () => Promise.resolve([toolPath('python'), join(backends, 'python', 'backend.py')]),
    client: async () => [await pythonWith('centrifuge'), join(clients, 'python', 'client.py')],
  },
  {
    name: 'Java',
    skip: unavailable('jdk'),
    backend: () => java(join(backends, 'java', 'Backend.java')),
    client: () => java(join(clients, 'java', 'ClientExample.java')),
  },
  {
    name: 'Go',
    skip: unavailable('go'),
    backend: async () => [await goBinary(join(backends, 'go'))],
    client: async () => [await goBinary(join(clients, 'go'))],
  },
];

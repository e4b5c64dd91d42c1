import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeConfig } from '@pharos/config';
import { parse } from 'yaml';
import { chartFolder } from '../generate/generated.ts';
import { services } from '../generate/services.ts';
import { pharos } from './pharos.ts';

const root = join(chartFolder, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface ComposeService {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly networks?: readonly string[];
  readonly volumes?: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly ulimits?: { readonly nofile: { readonly soft: number } };
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: object;
  readonly volumes: object;
  readonly secrets: object;
}

const compose = parse(read('deploy/compose/compose.yaml'), { merge: true }) as Compose;
const own = Object.entries(compose.services).filter(([, { image }]) => image === 'pharos');
const dockerfile = read('deploy/docker/Dockerfile');
const steps = dockerfile
  .replaceAll('\\\n', '')
  .split('\n')
  .filter((line) => /^[A-Z]/.test(line));

test('compose: every service of Pharos runs, with settings that it takes', async () => {
  const commands = own.map(([, { command = [] }]) => command.join(' '));
  assert.deepEqual(
    [...new Set(commands)].sort(),
    Object.keys(services)
      .map((name) => `serve ${name}`)
      .sort(),
  );
  for (const [name, { command = [], environment = {} }] of own) {
    const [, service = ''] = command;
    const schema = services[service];
    assert(schema !== undefined, name);
    const files = new Map(describeConfig(schema).map((setting) => [setting.envFile, setting.env]));
    // What a file would hold is given as it is: there is none here.
    const env = Object.entries(environment).map(([key, value]) => [files.get(key) ?? key, value] as const);
    const { status, err } = await pharos(['config', 'check', '--service', service], Object.fromEntries(env));
    assert.equal(status, 0, `${name}: ${err}`);
  }
});

test('compose: services wait for and mount what there is', () => {
  const declared = (section: object): string[] => Object.keys(section);
  for (const [name, service] of Object.entries(compose.services)) {
    for (const other of Object.keys(service.depends_on ?? {})) assert(compose.services[other] !== undefined, name);
    for (const secret of service.secrets ?? [])
      assert(declared(compose.secrets).includes(secret), `${name}: ${secret}`);
    for (const network of service.networks ?? []) assert(declared(compose.networks).includes(network), name);
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':');
      const isPath = source.startsWith('.');
      const exists = isPath
        ? existsSync(join(root, 'deploy/compose', source))
        : declared(compose.volumes).includes(source);
      assert(exists, `${name}: ${source}`);
    }
    for (const port of service.ports ?? [])
      assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, `${name} is for this machine only`);
    for (const value of Object.values(service.environment ?? {}))
      for (const [, secret = ''] of value.matchAll(/^\/run\/secrets\/(.+)$/g))
        assert(service.secrets?.includes(secret), `${name}: ${secret}`);
  }
  for (const [name, service] of own) {
    assert.deepEqual([service.user, service.read_only], ['10001:10001', true], name);
    assert((service.ulimits?.nofile.soft ?? 0) >= 65_536, name);
  }
});

test('compose: the broker has what the README says that Pharos needs', () => {
  const [, properties = ''] = /```properties\n([^`]+)```/.exec(read('README.md')) ?? [];
  const needed = properties
    .trim()
    .split('\n')
    .map((line) => line.split('='));
  assert(needed.length >= 4);
  const { environment = {} } = compose.services['pulsar'] ?? {};
  for (const [key = '', value] of needed) assert.equal(environment[`PULSAR_PREFIX_${key}`], value, key);
});

test('compose: Prometheus scrapes every process, and reads the rules where they are mounted', () => {
  const prometheus = parse(read('deploy/compose/prometheus.yaml')) as {
    rule_files: string[];
    scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
  };
  const targets = prometheus.scrape_configs.flatMap((job) => job.static_configs.flatMap((one) => one.targets));
  assert.deepEqual(targets.sort(), own.map(([name]) => `${name}:9000`).sort());
  assert.deepEqual(prometheus.scrape_configs.map((job) => job.job_name).sort(), Object.keys(services).sort());
  assert(compose.services['prometheus']?.volumes?.some((volume) => volume.endsWith(':/etc/prometheus/rules:ro')));
});

test('the image: built from what .dockerignore lets in, not run as root, ended by what services drain at', () => {
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'));
  for (const line of allowed) assert(existsSync(join(root, line.slice(1))), line);
  for (const [, script = ''] of dockerfile.matchAll(/node ((?:deploy|services)\/\S+\.mjs)/g)) {
    assert(existsSync(join(root, script)), script);
    assert(
      allowed.some((line) => script.startsWith(line.slice(1))),
      `${script} is not in the image`,
    );
  }
  const last = steps.slice(steps.findLastIndex((step) => step.startsWith('FROM ')));
  assert(last.includes('USER 10001:10001'));
  assert(last.includes('STOPSIGNAL SIGTERM'));
  assert(last.includes('EXPOSE 8000 9000'));
  assert(steps.includes('ARG NODE_IMAGE=node:24-trixie-slim'));
  const [, entry = ''] = /^ENTRYPOINT \["node", "--enable-source-maps", "\/app\/(.+)"\]$/m.exec(dockerfile) ?? [];
  assert(existsSync(join(root, entry)), entry);
});

test('the image has all workspaces of the lock file, or npm would refuse it', () => {
  const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] };
  const allowed = read('.dockerignore').split('\n');
  for (const workspace of workspaces) {
    const folder = workspace.replace(/\/\*$/, '');
    assert(allowed.includes(`!${folder}`) || allowed.includes(`!${folder}/package.json`), workspace);
  }
});

test('the workflow for a cluster installs what there is', () => {
  const workflow = read('.github/workflows/chart.yaml');
  for (const [path] of workflow.matchAll(/\b(?:helm|deploy)\/[\w./-]+/g)) {
    // Actions have such names too.
    if (!/^helm\/(?:chart-testing|kind)-action$/.test(path)) assert(existsSync(join(root, path)), path);
  }
  const { version } = JSON.parse(read('package.json')) as { version: string };
  for (const [, tag] of workflow.matchAll(/ pharos:(\S+)/g)) assert.equal(tag, version);
  const { jobs } = parse(workflow) as { jobs: Record<string, { steps: { run?: string; uses?: string }[] }> };
  const steps = jobs['kind']?.steps ?? [];
  assert(steps.length > 5 && steps.every(({ run, uses }) => (run === undefined) !== (uses === undefined)));
  assert(steps.some(({ run }) => run?.startsWith('helm test trial')));
  assert.deepEqual((parse(read('helm/ct.yaml')) as { charts: string[] }).charts, ['helm/pharos']);
});

test('the hashes of binaries are those of what is installed', () => {
  const rows = [
    ...read('docs/image.md').matchAll(/^\| `([\w.]+)` +\| `([\w-]+)@([\d.]+)`.*\| `([0-9a-f]{64})` +\|$/gm),
  ];
  const { version, packages } = JSON.parse(read('.ci/node24.json')) as {
    version: string;
    packages: Record<string, { name: string; sha256: string }>;
  };
  const nodes = Object.values(packages).map(({ name, sha256 }) => ['node', name, version, sha256]);
  assert.deepEqual(
    rows.map((row) => row.slice(1)).filter(([file]) => file === 'node'),
    nodes,
  );
  const folder = join(root, 'node_modules', 'uWebSockets.js');
  const { version: uws } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const addons = rows.filter(([, file]) => file !== 'node');
  assert.equal(addons.length, 4);
  for (const [, file = '', , of, recorded] of addons) {
    const hash = createHash('sha256')
      .update(readFileSync(join(folder, file)))
      .digest('hex');
    assert.deepEqual([of, hash], [uws, recorded], file);
  }
});

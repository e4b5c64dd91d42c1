import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
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
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly ulimits?: { readonly nofile: { readonly soft: number } };
  readonly healthcheck?: { readonly test: readonly string[] };
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
    scrape_configs: { job_name: string; static_configs: { targets: string[]; labels: Record<string, string> }[] }[];
  };
  const targets = prometheus.scrape_configs.flatMap((job) => job.static_configs.flatMap((one) => one.targets));
  const metrics = ([name, { command = [] }]: (typeof own)[number]): string =>
    `${name}:${portOf(command[1], 'internal.listen')}`;
  assert.deepEqual(targets.sort(), own.map(metrics).sort());
  assert.deepEqual(prometheus.scrape_configs.map((job) => job.job_name).sort(), Object.keys(services).sort());
  const labels = prometheus.scrape_configs.flatMap((job) => job.static_configs.map((one) => one.labels));
  assert(labels.every(({ namespace }) => namespace === 'compose'));
  const { command = [], volumes = [] } = compose.services['prometheus'] ?? {};
  const mounts = mountsOf(volumes);
  const [, configFile = ''] = /--config\.file=(\S+)/.exec(command.join(' ')) ?? [];
  assert.equal(mounts.get(configFile), './prometheus.yaml');
  const rules = prometheus.rule_files.map((pattern) => dirname(pattern)).map((folder) => mounts.get(folder) ?? '');
  assert.deepEqual(
    rules.map((folder) => readdirSync(join(root, 'deploy/compose', folder)).sort()),
    [['alerts.yaml', 'objectives.yaml']],
  );
});

/** What is mounted, by where it is mounted. */
function mountsOf(volumes: readonly string[]): ReadonlyMap<string, string> {
  return new Map(volumes.map((volume) => volume.split(':', 2).reverse() as [string, string]));
}

/** The port that a service listens at where nothing is set. */
function portOf(service: string | undefined, setting: 'listen' | 'internal.listen'): string {
  const schema = services[service ?? ''];
  assert(schema !== undefined, service);
  const { default: address = '' } = describeConfig(schema).find(({ path }) => path === setting) ?? {};
  return address.slice(address.lastIndexOf(':') + 1);
}

test('compose: who is waited for can be seen to be well, and ports are those that services listen at', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    const { healthcheck, depends_on: others = {} } = service;
    assert(healthcheck !== undefined, `${name} has no health check`);
    for (const [other, { condition }] of Object.entries(others))
      assert.equal(condition, 'service_healthy', `${name}: ${other}`);
    const published = (service.ports ?? []).map((port) => port.split(':').at(-1));
    const address = /http:\/\/127\.0\.0\.1:(\d+)/.exec(healthcheck.test.join(' '));
    if (!own.some(([one]) => one === name)) {
      if (address !== null) assert.deepEqual(published, [address[1]], name);
      for (const [, secret = ''] of healthcheck.test.join(' ').matchAll(/\/run\/secrets\/(\w+)/g))
        assert(service.secrets?.includes(secret), `${name}: ${secret}`);
      continue;
    }
    assert.equal(address?.[1], portOf(service.command?.[1], 'internal.listen'), name);
    for (const port of published) assert.equal(port, portOf(service.command?.[1], 'listen'), name);
    const environment = Object.keys(service.environment ?? {});
    assert(!environment.some((key) => /^PHAROS_(?:INTERNAL_)?LISTEN$/.test(key)), name);
  }
});

test('compose: the health check of a service goes by what it answers', async () => {
  const [, { healthcheck }] = own[0] ?? assert.fail();
  const [how, program, ...args] = healthcheck?.test ?? [];
  assert.deepEqual([how, program], ['CMD', 'node']);
  let status = 200;
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    if (status === 0) request.socket.destroy();
    else response.writeHead(status).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const check = async (): Promise<number | null> => {
    const child = spawn(
      process.execPath,
      args.map((arg) => arg.replace(':9000', `:${port}`)),
      { stdio: 'ignore' },
    );
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  };
  try {
    assert.equal(await check(), 0);
    for (status of [503, 0]) assert.equal(await check(), 1);
  } finally {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }
  assert.deepEqual(asked, ['/health/ready', '/health/ready', '/health/ready']);
});

test('compose: Grafana finds its data source, and the dashboards where they are mounted', () => {
  const { volumes = [] } = compose.services['grafana'] ?? {};
  const mounts = mountsOf(volumes);
  const provisioning = join('deploy/compose', mounts.get('/etc/grafana/provisioning') ?? '');
  const { datasources } = parse(read(join(provisioning, 'datasources/prometheus.yaml'))) as {
    datasources: { uid: string; type: string; url: string; isDefault: boolean }[];
  };
  const [source, ...others] = datasources;
  assert(source !== undefined && others.length === 0 && source.isDefault);
  const { host, hostname, port } = new URL(source.url);
  assert.equal(host, `prometheus:${port}`);
  assert(compose.services[hostname]?.ports?.some((one) => one.endsWith(`:${port}`)));

  const { providers } = parse(read(join(provisioning, 'dashboards/pharos.yaml'))) as {
    providers: { type: string; options: { path: string } }[];
  };
  assert.deepEqual(
    providers.map(({ type }) => type),
    ['file'],
  );
  const folder = join('deploy/compose', mounts.get(providers[0]?.options.path ?? '') ?? assert.fail());
  const files = readdirSync(join(root, folder));
  assert.equal(files.length, 5);
  for (const file of files) {
    const text = read(join(folder, file));
    const { templating } = JSON.parse(text) as {
      templating: { list: { name: string; type: string; query: string }[] };
    };
    const variable = templating.list.find(({ name }) => name === 'datasource');
    assert.deepEqual([variable?.type, variable?.query], ['datasource', source.type], file);
    // Each panel asks the chosen one, or the one of the compose file; no other is there.
    const uids = [...text.matchAll(/"type": "prometheus",\s+"uid": "([^"]+)"/g)].map(([, uid]) => uid);
    assert(uids.length > 5 && uids.every((uid) => uid === '$datasource' || uid === source.uid), file);
  }
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

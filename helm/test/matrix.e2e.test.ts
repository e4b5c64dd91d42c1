import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type JsonWorker, startPythonWorker, unavailable } from '@pharos/testkit';
import { chartFolder } from '../generate/generated.ts';
import { at, caseFile, cases, type KubernetesObject, lint, render, type Rendered, withoutHelm } from './chart.ts';
import { leavesOf, occurs, read } from './leaves.ts';
import { pharos } from './pharos.ts';
import { isKept, keptOf, keptReleases } from './releases.ts';
import { changes, recorded } from './renders.ts';

type Validator = JsonWorker<{
  validate: (params: { readonly version: string; readonly objects: readonly KubernetesObject[] }) => string[];
}>;

const components = ['edge', 'api', 'history', 'presence'];
/** The oldest that the chart supports and the newest that the schemas know. */
const kubernetesVersions = ['1.30', '1.37'];
/** Of others than Kubernetes, each with a misspelt field where it can go unseen. */
const foreign: Readonly<Record<string, string>> = {
  PodMonitor: 'spec.podMetricsEndpoints.0',
  ServiceMonitor: 'spec.endpoints.0',
  PrometheusRule: 'spec.groups.0.rules.0',
  ScaledObject: 'spec.triggers.0',
  HTTPRoute: 'spec.rules.0.backendRefs.0',
};

describe('the render matrix', { skip: withoutHelm }, () => {
  const withoutPython = unavailable('python');
  let validator: Validator | undefined;
  let secrets = '';

  before(async () => {
    secrets = mkdtempSync(join(tmpdir(), 'pharos-secrets-'));
    if (withoutPython === false)
      validator = await startPythonWorker(fileURLToPath(new URL('kubernetes.py', import.meta.url)), 'kubernetes');
  });
  after(async () => {
    rmSync(secrets, { recursive: true });
    await validator?.stop();
  });

  test('what is recorded is of cases that there are', () => {
    assert.deepEqual(recorded(), [...cases].sort());
  });

  test('each value is set by a case', () => {
    const set = cases.map((name) => read(caseFile(name)));
    const isSet = (path: string): boolean => set.some((values) => at(values, path) !== undefined);
    const never = leavesOf(read(`${chartFolder}values.yaml`)).flatMap(([path]) => {
      const ofComponents = components.map((component) => path.replace(/^workload\b/, component));
      // Those of a trial have a test of their own, beside the compose file.
      return path.startsWith('trial.') || [path, ...ofComponents].some(isSet) ? [] : [path];
    });
    assert.deepEqual(never, []);
  });

  for (const name of cases) {
    let rendered: Rendered;
    before(async () => {
      rendered = await render(caseFile(name));
    });

    test(`${name}: lint finds nothing`, async () => {
      const { status, output } = await lint(caseFile(name));
      assert.equal(status, 0, output);
    });

    test(`${name}: renders as recorded`, () => {
      assert.deepEqual(
        changes(name, rendered),
        [],
        'if that is meant: `npm run chart:renders`, and look at the difference',
      );
    });

    test(`${name}: Pharos takes each configuration`, async () => {
      const present = components.filter((component) => rendered.findWorkload(component) !== undefined);
      assert(present.length > 0);
      for (const component of present)
        await checkConfig(component, rendered.config(component), rendered.container(component));
    });

    test(`${name}: what is set is somewhere in what is made of it`, () => {
      const ignored = leavesOf(read(caseFile(name))).flatMap(([path, value]) => {
        const isPlain = typeof value === 'number' || (typeof value === 'string' && !value.includes('{{'));
        // Pruned, told to the heap, or written for a URL or into rules: with tests of their own.
        const isElsewhere =
          /^config\.|\.config\.|\.(?:antiAffinity|heapPercent|controller|runbookBaseUrl)$|\.resourceAttributes\./.test(
            path,
          );
        return !isPlain || isElsewhere || occurs(value, rendered) ? [] : [path];
      });
      assert.deepEqual(ignored, [], 'values that change nothing');
    });

    test(`${name}: the job that makes topics takes its settings, without the edge's secrets`, async () => {
      const job = rendered.find('Job', '-provision');
      if (job === undefined) return;
      await checkConfig('edge', rendered.config('provision'), at(job, 'spec.template.spec.containers.0'));
    });

    test(`${name}: the self-test takes its arguments and settings`, async () => {
      const pod = rendered.find('Pod', '-selftest');
      if (pod === undefined) return;
      const args = at(pod, 'spec.containers.0.args') as string[];
      // It reads them, and finds nobody to connect to.
      const to = (flag: string, value: string): void => void (args[args.indexOf(flag) + 1] = value);
      to('--url', 'ws://127.0.0.1:1/');
      to('--timeout', '0.1');
      to('--config', join(secrets, 'pharos.yaml'));
      writeFileSync(join(secrets, 'pharos.yaml'), rendered.config('selftest'));
      const env = (at(pod, 'spec.containers.0.env') ?? []) as { name: string; value: string }[];
      const { status, err } = await pharos(
        args,
        Object.fromEntries(env.map(({ name, value }) => [name, mounted(value)])),
      );
      assert.equal(status, 1);
      assert.match(err, /^pharos: connect: /);
    });

    test(`${name}: objects are as Kubernetes has them`, { skip: withoutPython }, async () => {
      const { objects } = rendered;
      for (const version of kubernetesVersions)
        assert.deepEqual(await validator?.call('validate', { version, objects }), [], `Kubernetes ${version}`);
    });

    test(`${name}: names are unique, selectors find pods, and what is mounted is there`, () => {
      const names = rendered.objects.map((object) => `${object.kind} ${object.metadata.name}`);
      assert.deepEqual([...new Set(names)], names);
      for (const service of rendered.ofKind('Service')) checkService(rendered, service);
      for (const workload of rendered.workloads()) checkVolumes(rendered, workload);
    });
  }

  test('a field that there is not is found in each kind, of others than Kubernetes too', {
    skip: withoutPython,
  }, async () => {
    const renders = await Promise.all(['everything', 'gateway-keda'].map((name) => render(caseFile(name))));
    const objects = renders.flatMap((one) => one.objects);
    for (const [kind, path] of [...Object.entries(foreign), ['Deployment', 'spec.template.spec'] as const]) {
      const object = structuredClone(objects.find((one) => one.kind === kind));
      const place: unknown = at(object, path);
      assert.ok(object !== undefined && typeof place === 'object' && place !== null, kind);
      Object.assign(place, { fieldd: 1 });
      const problems = (await validator?.call('validate', { version: '1.37', objects: [object] })) ?? [];
      assert.equal(problems.length, 1, `${kind}: ${problems.join(', ')}`);
      assert.match(problems.join(), /fieldd/);
    }
  });

  test('the job of a load test is one of Kubernetes, as the restricted profile wants it', {
    skip: withoutPython,
  }, async () => {
    const job = read(join(chartFolder, '..', '..', 'deploy', 'kubernetes', 'load-job.yaml')) as KubernetesObject;
    for (const version of kubernetesVersions)
      assert.deepEqual(await validator?.call('validate', { version, objects: [job] }), [], `Kubernetes ${version}`);
    const spec = at(job, 'spec.template.spec');
    assert.equal(at(spec, 'securityContext.runAsNonRoot'), true);
    assert.equal(at(spec, 'securityContext.seccompProfile.type'), 'RuntimeDefault');
    assert.equal(at(spec, 'automountServiceAccountToken'), false);
    const own = at(spec, 'containers.0.securityContext');
    assert.deepEqual(own, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  for (const { version, name, valuesFile, objects } of keptReleases()) {
    test(`an upgrade from ${version}, ${name}: values are taken, and what can not change has not`, async () => {
      const rendered = await render(valuesFile);
      const present = components.filter((component) => rendered.findWorkload(component) !== undefined);
      for (const component of present)
        await checkConfig(component, rendered.config(component), rendered.container(component));
      const now = keptOf(rendered);
      for (const [object, kept] of Object.entries(objects)) {
        assert(now[object] !== undefined, `${object} is gone`);
        assert.deepEqual(now[object], kept, object);
      }
    });
  }

  test('this version of the chart is kept, for those that come', () => {
    const { version } = read(`${chartFolder}Chart.yaml`) as { version: string };
    assert(isKept(version), '`npm run chart:keep`');
  });

  async function checkConfig(component: string, config: string, container: unknown): Promise<void> {
    const file = join(secrets, 'pharos.yaml');
    writeFileSync(file, config);
    const entries = (at(container, 'env') ?? []) as readonly { name: string; value: string }[];
    const env = Object.fromEntries(
      entries.flatMap(({ name, value }) =>
        name.startsWith('PHAROS_')
          ? [[name, name.endsWith('_FILE') ? mounted(value) : value.replace('$(POD_NAME)', 'pod-1')]]
          : [],
      ),
    );
    const { status, err } = await pharos(['config', 'check', '--service', component, '--config', file], env);
    assert.equal(status, 0, `${component}: ${err}`);
  }

  /** A file with something, in the place of a mounted one. */
  function mounted(path: string): string {
    const file = join(secrets, path.replaceAll('/', '-'));
    const lists: Readonly<Record<string, object>> = {
      'http_api.keys': [{ name: 'app', key: 'a-key', scopes: ['publish'] }],
      proxies: [{ name: 'shop', endpoint: 'http://shop.backend:3000/' }],
    };
    const list = lists[basename(path)];
    writeFileSync(file, list === undefined ? 'something\n' : JSON.stringify(list));
    return file;
  }
});

function checkService(rendered: Rendered, service: KubernetesObject): void {
  const selector = Object.entries(at(service, 'spec.selector') as Record<string, string>);
  const ports = at(service, 'spec.ports') as readonly { targetPort: string }[];
  const targets = rendered.workloads().filter((workload) => {
    const labels = at(workload, 'spec.template.metadata.labels') as Record<string, string>;
    return selector.every(([key, value]) => labels[key] === value);
  });
  assert.equal(targets.length, 1, service.metadata.name);
  const open = (at(targets[0], 'spec.template.spec.containers.0.ports') as { name: string }[]).map(({ name }) => name);
  for (const { targetPort } of ports) assert(open.includes(targetPort), `${service.metadata.name}: ${targetPort}`);
}

function checkVolumes(rendered: Rendered, workload: KubernetesObject): void {
  const pod = at(workload, 'spec.template.spec');
  const volumes = at(pod, 'volumes') as readonly { name: string; configMap?: { name: string } }[];
  const mounts = at(pod, 'containers.0.volumeMounts') as readonly { name: string }[];
  assert.deepEqual(mounts.map(({ name }) => name).sort(), volumes.map(({ name }) => name).sort());
  for (const { configMap } of volumes)
    if (configMap !== undefined)
      assert(rendered.ofKind('ConfigMap').some(({ metadata }) => metadata.name === configMap.name));
  const labels = at(workload, 'spec.template.metadata.labels') as Record<string, string>;
  const selector = at(workload, 'spec.selector.matchLabels') as Record<string, string>;
  for (const [key, value] of Object.entries(selector)) assert.equal(labels[key], value);
  assert(!Object.keys(selector).some((key) => /version|chart/.test(key)), 'a selector can not change with the version');
}

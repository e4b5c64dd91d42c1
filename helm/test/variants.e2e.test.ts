import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { chartFolder } from '../generate/generated.ts';
import { at, caseFile, leastValues, notes, render, type Rendered, templateFor, withoutHelm } from './chart.ts';
import { leavesOf, occurs } from './leaves.ts';

interface Rule {
  readonly ports: readonly { readonly port: number | string }[];
  readonly to?: unknown;
}

/** Rules of what may go out, after that for DNS: Pulsar, Redis, and what else there is. */
function egress(rendered: Rendered, component: string): readonly Rule[] {
  return (at(rendered.get('NetworkPolicy', `-${component}`), 'spec.egress') as Rule[]).slice(1);
}

const ports = (rule: Rule | undefined): unknown[] | undefined => rule?.ports.map(({ port }) => port);
const namespace = (name: string): unknown => [
  { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } },
];

describe('what the chart makes where it is asked to', { skip: withoutHelm }, () => {
  let least: Rendered;
  let named: Rendered;
  let trial: Rendered;
  before(async () => {
    least = await render(leastValues);
    named = await render(caseFile('statefulset'));
    trial = await render(caseFile('trial'));
  });

  test('edges with names that stay: a StatefulSet over the headless Service, scaled as one', () => {
    assert.deepEqual(
      named.ofKind('StatefulSet').map(({ metadata }) => metadata.name),
      ['test-pharos-edge'],
    );
    assert.equal(named.find('Deployment', '-edge'), undefined);
    const spec = at(named.get('StatefulSet', '-edge'), 'spec');
    assert.equal(at(spec, 'serviceName'), 'test-pharos-edge-internal');
    assert.equal(at(named.get('Service', '-edge-internal'), 'spec.clusterIP'), 'None');
    assert.equal(at(spec, 'podManagementPolicy'), 'Parallel');
    assert.deepEqual(at(spec, 'updateStrategy'), { type: 'RollingUpdate' });
    assert.equal(at(spec, 'minReadySeconds'), 30);
    for (const field of ['strategy', 'progressDeadlineSeconds', 'replicas']) assert.equal(at(spec, field), undefined);
    assert.equal(at(named.get('HorizontalPodAutoscaler', '-edge'), 'spec.scaleTargetRef.kind'), 'StatefulSet');
    const spread = 'spec.topologySpreadConstraints.0.matchLabelKeys';
    assert.deepEqual(at(named.pod('edge'), spread), ['controller-revision-hash']);
    assert.deepEqual(at(least.pod('edge'), spread), ['pod-template-hash']);
    // But for the spread, and for what else the case has, its pods are those of a Deployment.
    assert.deepEqual(at(named.pod('edge'), 'spec.containers.0.args'), at(least.pod('edge'), 'spec.containers.0.args'));
  });

  test('what changes rolls the pods of edges with names that stay, and the README restarts them too', async () => {
    const rolled = await render(caseFile('statefulset'), { config: { client: { channel_limit: 7 } } });
    const elsewhere = await render(caseFile('statefulset'), {
      settingsFrom: { 'client.token.hmac_secret_key': { existingSecret: 'pharos-2' } },
    });
    for (const changed of [rolled, elsewhere]) {
      assert.notDeepEqual(changed.pod('edge'), named.pod('edge'));
      assert.deepEqual(changed.pod('history'), named.pod('history'));
    }
    const readme = readFileSync(`${chartFolder}README.md`, 'utf8');
    const [, kinds = ''] = /kubectl rollout restart (\S+) -l/.exec(readme) ?? [];
    const used = new Set([...least.workloads(), ...named.workloads()].map(({ kind }) => kind.toLowerCase()));
    assert.deepEqual(kinds.split(',').sort(), [...used].sort());
  });

  test('traces: the variables of OpenTelemetry for every component, none by default', () => {
    for (const component of ['edge', 'api', 'history', 'presence']) {
      const env = at(named.container(component), 'env') as { name: string; value?: string }[];
      const otel = env.findIndex(({ name }) => name.startsWith('OTEL_'));
      const podName = env.findIndex(({ name }) => name === 'POD_NAME');
      assert(podName >= 0 && podName < otel, 'before what refers to it');
      assert.deepEqual(env.slice(otel), [
        { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'https://otel-collector.monitoring' },
        { name: 'OTEL_EXPORTER_OTLP_PROTOCOL', value: 'http/protobuf' },
        { name: 'OTEL_TRACES_SAMPLER', value: 'parentbased_traceidratio' },
        { name: 'OTEL_TRACES_SAMPLER_ARG', value: '0.001' },
        {
          name: 'OTEL_RESOURCE_ATTRIBUTES',
          value: 'k8s.pod.name=$(POD_NAME),k8s.namespace.name=chat,deployment.environment.name=production%2C%20eu',
        },
        { name: 'OTEL_EXPORTER_OTLP_HEADERS', valueFrom: { secretKeyRef: { name: 'otel', key: 'headers' } } },
      ]);
      assert(![...least.env(component).keys()].some((key) => key.startsWith('OTEL_')));
    }
  });

  test('a sampler without a ratio has none', async () => {
    const tracing = { enabled: true, endpoint: 'http://otel:4318', sampler: 'always_on' };
    const env = (await render(leastValues, { tracing })).env('api');
    assert.equal(env.get('OTEL_TRACES_SAMPLER'), 'always_on');
    assert(!env.has('OTEL_TRACES_SAMPLER_ARG') && !env.has('OTEL_EXPORTER_OTLP_HEADERS'));
  });

  test('network policies: out to the collector where there are traces, to backends for those that ask them', async () => {
    const [, , otlp, backends, extra] = egress(named, 'edge');
    assert.deepEqual([ports(otlp), otlp?.to], [[4318, 443], namespace('monitoring')]);
    assert.deepEqual([ports(backends), backends?.to], [[443, 3001, 3000, 3002], namespace('backend')]);
    assert.deepEqual(extra, { to: [{ ipBlock: { cidr: '198.51.100.0/24' } }] });
    // Of the server API only `rpc` goes on to a backend; workers ask nobody.
    assert.deepEqual(ports(egress(named, 'api')[3]), [443, 3001]);
    assert.equal(egress(named, 'history').length, 4);
    const ingress = at(named.get('NetworkPolicy', '-presence'), 'spec.ingress') as unknown[];
    assert.deepEqual(ingress.at(-1), { from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] });

    assert.deepEqual(egress(least, 'edge').map(ports), [[6650, 6651, 8080, 8443], [6379], [443]]);
    assert.deepEqual(egress(least, 'api').length, 2);
    const own = [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'http://otel:4318' }];
    const rendered = await render(leastValues, {
      api: { extraEnv: own },
      history: { envFrom: [{ secretRef: { name: 'otel' } }] },
      settingsFrom: { proxies: { existingSecret: 'proxies', key: 'list' } },
    });
    assert.deepEqual(egress(rendered, 'api').slice(2).map(ports), [[4318], [443]]);
    assert.deepEqual(egress(rendered, 'history').slice(2).map(ports), [[4318]]);
    assert.equal(egress(rendered, 'presence').length, 2);
  });

  test('nobody may read metrics where nobody is named', async () => {
    const rendered = await render(leastValues, { networkPolicy: { monitoring: [] } });
    const ingress = (component: string): unknown => at(rendered.get('NetworkPolicy', `-${component}`), 'spec.ingress');
    assert.deepEqual(ingress('edge'), [{ ports: [{ port: 'client' }] }]);
    assert.equal(ingress('history'), undefined);
    assert.deepEqual(at(rendered.get('NetworkPolicy', '-history'), 'spec.policyTypes'), ['Ingress', 'Egress']);
  });

  test('a cluster that is too old is told so, those of today are taken', async () => {
    for (const version of ['1.30.0', '1.30.4-eks-abcdef', '1.37.0']) {
      const { status, output } = await templateFor(version, leastValues);
      assert.equal(status, 0, output);
    }
    const { status, output } = await templateFor('1.29.9', leastValues);
    assert.equal(status, 1);
    assert.match(output, /chart requires kubeVersion: >=1\.30\.0-0 which is incompatible with Kubernetes v1\.29\.9/);
  });

  test('an Ingress of Traefik needs no annotation, and keeps those that are given', async () => {
    const hosts = [{ host: 'a.example' }];
    const ingress = { enabled: true, controller: 'traefik', className: 'traefik', hosts };
    const annotations = { 'traefik.ingress.kubernetes.io/router.entrypoints': 'websecure' };
    const rendered = await render(leastValues, { edge: { ingress }, api: { ingress: { ...ingress, annotations } } });
    const edge = rendered.get('Ingress', '-edge');
    assert.equal(at(edge, 'spec.ingressClassName'), 'traefik');
    assert.equal(at(edge, 'metadata.annotations'), undefined);
    assert.deepEqual(at(rendered.get('Ingress', '-api'), 'metadata.annotations'), annotations);
  });

  test('a trial: Pulsar and Redis of one pod each, which every component is led to, and nobody else', () => {
    for (const component of ['edge', 'api', 'history', 'presence']) {
      const config: unknown = parse(trial.config(component));
      assert.deepEqual(at(config, 'pulsar'), {
        admin_url: 'http://test-pharos-trial-pulsar:8080',
        url: 'pulsar://test-pharos-trial-pulsar:6650',
      });
      assert.equal(at(config, 'redis.url'), 'redis://test-pharos-trial-redis:6379');
      const [pulsar, redis] = egress(trial, component).map(({ to }) =>
        at(to, '0.podSelector.matchLabels', 'app.kubernetes.io/component'),
      );
      assert.deepEqual([pulsar, redis], ['trial-pulsar', 'trial-redis']);
    }
    for (const name of ['-trial-pulsar', '-trial-redis']) {
      const spec = at(trial.get('Deployment', name), 'spec');
      assert.deepEqual(at(spec, 'strategy'), { type: 'Recreate' });
      assert.equal(at(spec, 'template.spec.securityContext.runAsNonRoot'), true);
      assert.equal(at(spec, 'template.spec.containers.0.securityContext.allowPrivilegeEscalation'), false);
      const policy = at(trial.get('NetworkPolicy', name), 'spec.ingress.0.from.0.podSelector.matchLabels');
      assert.deepEqual(policy, { 'app.kubernetes.io/instance': 'test', 'app.kubernetes.io/name': 'pharos' });
    }
    assert.equal(least.find('Deployment', '-trial-pulsar'), undefined);
    assert.equal(least.find('Deployment', '-trial-redis'), undefined);
  });

  test('the Pulsar and the Redis of a trial are those of the compose file', () => {
    interface Container {
      readonly image: string;
      readonly command: string[];
      readonly args: string[];
      readonly env: { name: string; value: string }[];
    }
    const compose: unknown = parse(readFileSync(`${chartFolder}../../deploy/compose/compose.yaml`, 'utf8'), {
      merge: true,
    });
    const of = (name: string): Container =>
      at(trial.get('Deployment', `-trial-${name}`), 'spec.template.spec.containers.0') as Container;
    const pulsar = of('pulsar');
    assert.equal(pulsar.image, at(compose, 'services.pulsar.image'));
    assert.deepEqual(pulsar.command, at(compose, 'services.pulsar.command'));
    const env = Object.fromEntries(pulsar.env.map(({ name, value }) => [name, value]));
    const { PULSAR_PREFIX_advertisedAddress: address, ...others } = at(
      compose,
      'services.pulsar.environment',
    ) as Record<string, string>;
    assert.equal(address, 'pulsar');
    assert.deepEqual(env, { ...others, PULSAR_PREFIX_advertisedAddress: 'test-pharos-trial-pulsar' });
    const redis = of('redis');
    assert.equal(redis.image, at(compose, 'services.redis.image'));
    const [, , line = ''] = at(compose, 'services.redis.command') as string[];
    for (const option of ['--maxmemory 256mb', '--maxmemory-policy noeviction', '--appendonly yes']) {
      assert(line.includes(option) && redis.args.join(' ').includes(option), option);
    }
  });

  test('what is set for a trial is in its pods', async () => {
    const resources = (cpu: string, request: string, memory: string): object => ({
      requests: { cpu, memory: request },
      limits: { memory },
    });
    const pulsar = {
      image: 'example.com/pulsar:1',
      memory: '-Xmx777m',
      resources: resources('251m', '901Mi', '1901Mi'),
    };
    const redis = { image: 'example.com/redis:1', memory: '257mb', resources: resources('101m', '129Mi', '513Mi') };
    const rendered = await render(caseFile('trial'), { trial: { pulsar, redis } });
    const ignored = leavesOf({ pulsar, redis }).filter(([, value]) => !occurs(String(value), rendered));
    assert.deepEqual(ignored, []);
  });

  test('without network policies a trial has none either', async () => {
    const rendered = await render(caseFile('trial'), { networkPolicy: { enabled: false } });
    assert.equal(rendered.ofKind('NetworkPolicy').length, 0);
    assert(rendered.find('Service', '-trial-redis') !== undefined);
  });

  test('the notes say what a trial is', async () => {
    const text = await notes(caseFile('trial'));
    assert.match(text, /^WARNING: Pulsar or Redis are on trial/m);
    assert.doesNotMatch(text, /without Redis/);
    assert.match(await notes(caseFile('statefulset')), /^Edges are a StatefulSet/m);
  });
});

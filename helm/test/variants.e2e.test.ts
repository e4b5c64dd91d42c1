import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { chartFolder } from '../generate/generated.ts';
import {
  at,
  caseFile,
  leastValues,
  notes,
  render,
  type Rendered,
  templateFor,
  type Values,
  withoutHelm,
} from './chart.ts';
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

  test('network policies: out to a Redis and a Pulsar that only the environment names, for every component', async () => {
    const password = { secretKeyRef: { name: 'redis', key: 'url' } };
    const pulsar = { name: 'PHAROS_PULSAR_URL', value: 'pulsar+ssl://p:16651' };
    const settingsFrom = { 'http_api.key': { existingSecret: 'pharos', key: 'api-key' } };
    for (const [workload, redis] of [
      [{ extraEnv: [pulsar, { name: 'PHAROS_REDIS_URL', valueFrom: password }] }, [6379]],
      [{ extraEnv: [pulsar, { name: 'PHAROS_REDIS_URL', value: 'redis://r:7001' }] }, [6379, 7001]],
      [{ extraEnv: [pulsar], envFrom: [{ secretRef: { name: 'all' } }] }, [6379]],
    ] as const) {
      const rendered = await render({ workload, settingsFrom });
      for (const component of ['edge', 'api', 'history', 'presence'])
        assert.deepEqual(
          egress(rendered, component).slice(0, 2).map(ports),
          [[6650, 6651, 8080, 8443, 16_651], redis],
          component,
        );
      assert.doesNotMatch(await notes({ workload, settingsFrom }), /without Redis/);
    }
  });

  test('network policies: to the server API come backends of its own list, else those that come to edges', async () => {
    const from = (rendered: Rendered, component: string): unknown[] =>
      at(rendered.get('NetworkPolicy', `-${component}`), 'spec.ingress.0.from') as unknown[];
    const production = await render(caseFile('production'));
    assert.deepEqual(from(production, 'edge').slice(0, -1), [
      ...(namespace('ingress-nginx') as unknown[]),
      { ipBlock: { cidr: '0.0.0.0/0' } },
    ]);
    assert.deepEqual(from(production, 'api').slice(0, -1), namespace('shop'));
    const shared = await render(caseFile('production'), { networkPolicy: { apiClients: [] } });
    assert.deepEqual(from(shared, 'api'), from(production, 'edge'));
    const open = await render(leastValues, { networkPolicy: { apiClients: namespace('shop') } });
    assert.equal(from(open, 'edge'), undefined);
    assert.deepEqual(from(open, 'api').slice(0, -1), namespace('shop'));
  });

  test('an edge with TLS of its own is spoken to by TLS, whoever speaks to it', async () => {
    const source = { existingSecret: 'tls', key: 'tls.crt' };
    const ways: Values[] = [
      { settingsFrom: { 'tls.cert_file': source, 'tls.key_file': source } },
      { config: { tls: { cert_file: '/certs/tls.crt', key_file: '/certs/tls.key' } } },
    ];
    const expected = {
      nginx: ['nginx.ingress.kubernetes.io/backend-protocol', 'HTTPS'],
      haproxy: ['haproxy.org/server-ssl', 'true'],
      alb: ['alb.ingress.kubernetes.io/backend-protocol', 'HTTPS'],
    } as const;
    const channel = { without_namespace: { allow_subscribe_for_anonymous: true } };
    const client = { allow_anonymous_connect_without_token: true };
    for (const way of ways) {
      for (const [controller, [annotation, value]] of Object.entries(expected)) {
        const ingress = { enabled: true, controller, hosts: [{ host: 'a.example' }] };
        const values = [
          leastValues,
          {
            config: { channel, client },
            edge: { ...way, ingress, service: { appProtocol: 'https' } },
            api: { ingress },
          },
        ];
        const rendered = await render(...values);
        const of = (component: string): unknown =>
          at(rendered.get('Ingress', `-${component}`), 'metadata.annotations', annotation);
        assert.deepEqual([of('edge'), of('api')], [value, undefined]);
        const args = at(rendered.get('Pod', '-selftest'), 'spec.containers.0.args') as string[];
        assert(args.includes('wss://test-pharos-edge:80/connection/websocket') && args.includes('--insecure'));
        if (controller !== 'nginx') continue;
        const text = await notes(...values);
        assert.match(text, /connect to wss:\/\/test-pharos-edge\.chat\.svc:80/);
        assert.match(text, /call http:\/\/test-pharos-api\.chat/);
      }
    }
    const gateway = { enabled: true, parentRefs: [{ name: 'public' }] };
    const edge = { ...ways[0], gateway, service: { appProtocol: '' } };
    assert.match(
      await notes(leastValues, { edge }),
      /^WARNING: edge has TLS itself: .* BackendTLSPolicy .* test-pharos-edge,/m,
    );
    assert.doesNotMatch(await notes(leastValues, { edge: { gateway } }), /BackendTLSPolicy/);
  });

  test('a budget of what may go is there where a second pod may come', async () => {
    const scaled = (pdb: Values): Values => ({
      edge: { autoscaling: { enabled: true, minReplicas: 1, maxReplicas: 20 }, pdb },
    });
    const rendered = await render(leastValues, scaled({}));
    assert.equal(at(rendered.get('PodDisruptionBudget', '-edge'), 'spec.maxUnavailable'), 1);
    assert.match(await notes(leastValues, scaled({})), /^WARNING: edge may have one pod: .* start anew\.$/m);
    // One of what must stay would keep the only pod's node from being emptied.
    const minAvailable = scaled({ minAvailable: 1, maxUnavailable: '' });
    assert.equal((await render(leastValues, minAvailable)).find('PodDisruptionBudget', '-edge'), undefined);
    assert.match(
      await notes(leastValues, minAvailable),
      /^WARNING: edge may have one pod: .* no disruption budget\.$/m,
    );
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

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { chartFolder } from '../generate/generated.ts';
import { at, caseFile, leastValues, notes, render, type Rendered, type Values, withoutHelm } from './chart.ts';

const components = ['edge', 'api', 'history', 'presence'];

describe('what the chart makes', { skip: withoutHelm }, () => {
  let least: Rendered;
  let production: Rendered;
  let extras: Rendered;
  let edgeOnly: Rendered;
  before(async () => {
    least = await render(leastValues);
    production = await render(caseFile('production'));
    extras = await render(caseFile('gateway-keda'));
    edgeOnly = await render(caseFile('edge-only'));
  });

  test('one image runs each service by its name', () => {
    for (const component of components) {
      const container = at(least.pod(component), 'spec.containers.0');
      assert.equal(at(container, 'image'), 'pharos:0.1.0');
      assert.deepEqual(at(container, 'args'), ['serve', component, '--config', '/etc/pharos/config/pharos.yaml']);
    }
    assert.match(String(at(production.container('api'), 'image')), /^registry\.example\.com\/pharos@sha256:0123/);
    assert.deepEqual(at(production.pod('api'), 'spec.imagePullSecrets'), [{ name: 'registry' }]);
    assert.deepEqual(
      edgeOnly.ofKind('Deployment').map(({ metadata }) => metadata.name),
      ['test-pharos-edge'],
    );
  });

  test('one pod at a time, and time enough to drain', () => {
    const deployment = least.get('Deployment', '-edge');
    assert.deepEqual(at(deployment, 'spec.strategy.rollingUpdate'), { maxSurge: 1, maxUnavailable: 0 });
    assert.equal(at(deployment, 'spec.minReadySeconds'), 30);
    assert.equal(at(deployment, 'spec.replicas'), 3);
    // 3 × (60 + 30) are less than ten minutes, 20 × 90 are more.
    assert.equal(at(deployment, 'spec.progressDeadlineSeconds'), 600);
    assert.equal(at(production.get('Deployment', '-edge'), 'spec.progressDeadlineSeconds'), 1800);
    const pod = at(least.pod('edge'), 'spec');
    assert.equal(at(pod, 'terminationGracePeriodSeconds'), 60);
    assert.deepEqual(at(pod, 'containers.0.lifecycle'), { preStop: { sleep: { seconds: 5 } } });
    assert.equal(at(parse(least.config('edge')), 'drain_timeout'), '25s');
    assert.equal(at(parse(least.config('presence')), 'drain_timeout'), '10s');
  });

  test('without a preStop there is none', async () => {
    const rendered = await render(leastValues, { workload: { drain: { preStopSeconds: 0 } } });
    assert.equal(at(rendered.container('history'), 'lifecycle'), undefined);
  });

  test('each probe has a path of its own', () => {
    const paths = ['startupProbe', 'readinessProbe', 'livenessProbe'].map((probe) =>
      at(least.container('edge'), `${probe}.httpGet.path`),
    );
    assert.deepEqual(paths, ['/health/startup', '/health/ready', '/health/live']);
  });

  test('pods are as the restricted profile wants them: those of hooks and of a trial too', async () => {
    const trial = await render(caseFile('trial'));
    const pods = [least, production, extras, edgeOnly, trial].flatMap((rendered) => rendered.podTemplates());
    const kinds = [...components, 'provision', 'selftest', 'trial-pulsar', 'trial-redis'];
    assert.deepEqual([...new Set(pods.map(({ component }) => component))].sort(), kinds.sort());
    for (const { component, spec } of pods) {
      assert.equal(at(spec, 'automountServiceAccountToken'), false, component);
      assert.equal(at(spec, 'enableServiceLinks'), false, component);
      assert.equal(at(spec, 'securityContext.runAsNonRoot'), true, component);
      assert.equal(at(spec, 'securityContext.seccompProfile.type'), 'RuntimeDefault', component);
      const expected = {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        // It writes its configuration and logs where its image has them.
        readOnlyRootFilesystem: component !== 'trial-pulsar',
      };
      assert.deepEqual(at(spec, 'containers.0.securityContext'), expected, component);
    }
    assert.equal(at(least.get('ServiceAccount', ''), 'automountServiceAccountToken'), false);
    assert.equal(at(edgeOnly.pod('edge'), 'spec.serviceAccountName'), 'default');
    assert.equal(edgeOnly.ofKind('ServiceAccount').length, 0);
  });

  test('each service has the settings that it takes, its own winning', async () => {
    const rendered = await render(leastValues, {
      config: {
        client: { channel_limit: 7 },
        presence: { lease: '20s', renew_interval: '5s' },
        ring: { max_age: '1m' },
      },
      edge: { config: { client: { channel_limit: 9 }, log_level: 'warn' } },
    });
    assert.deepEqual(Object.keys(parse(rendered.config('edge')) as object).sort(), [
      ...[
        'channel',
        'client',
        'drain_timeout',
        'internal',
        'listen',
        'log_level',
        'presence',
        'pulsar',
        'redis',
        'ring',
      ],
    ]);
    assert.equal(at(parse(rendered.config('edge')), 'client.channel_limit'), 9);
    assert.deepEqual(at(parse(rendered.config('presence')), 'presence'), { lease: '20s' });
    assert.deepEqual(Object.keys(parse(rendered.config('history')) as object).sort(), [
      ...['channel', 'drain_timeout', 'internal', 'pulsar', 'redis'],
    ]);
    assert.equal(at(parse(production.config('edge')), 'client.connection_limit'), 1_000_000);
  });

  test('a changed setting rolls the pods of those that take it', async () => {
    const rendered = await render(leastValues, { config: { client: { channel_limit: 7 } } });
    const checksum = (of: Rendered, component: string): unknown =>
      at(of.pod(component), 'metadata.annotations', 'checksum/config');
    assert.notEqual(checksum(rendered, 'edge'), checksum(least, 'edge'));
    assert.equal(checksum(rendered, 'history'), checksum(least, 'history'));
  });

  test('settings from Secrets are files, for those that take them', () => {
    const env = production.env('edge');
    assert.equal(env.get('PHAROS_REDIS_PASSWORD_FILE'), '/etc/pharos/settings/redis.password');
    assert.equal(env.get('PHAROS_PULSAR_AUTH_TOKEN_FILE'), '/etc/pharos/settings/pulsar.auth.token_file');
    assert.equal(env.get('PHAROS_TLS_KEY_FILE'), '/etc/pharos/settings/tls.key_file');
    const volumes = at(production.pod('edge'), 'spec.volumes') as { name: string }[];
    const sources = at(
      volumes.find(({ name }) => name === 'settings'),
      'projected.sources',
    ) as unknown[];
    assert.deepEqual(sources[0], {
      secret: { name: 'pharos', items: [{ key: 'hmac', path: 'client.token.hmac_secret_key' }] },
    });
    assert.deepEqual(sources[2], {
      configMap: { name: 'ca-bundle', items: [{ key: 'ca.crt', path: 'pulsar.tls.ca_file' }] },
    });
    assert.deepEqual(
      [...production.env('presence').keys()].filter((name) => /HMAC|API_KEY|PHAROS_TLS/.test(name)),
      [],
    );
    assert(production.env('api').has('PHAROS_HTTP_API_KEYS_FILE'));
    assert(!production.env('api').has('PHAROS_TLS_CERT_FILE'));
  });

  test('credentials for backends are only where those are asked', async () => {
    const source = { existingSecret: 'backends', key: 'headers' };
    const settingsFrom = {
      'channel.proxy.publish.http.static_headers': source,
      'rpc.proxy.http.static_headers': source,
    };
    const rendered = await render(leastValues, { settingsFrom });
    const given = components.map((component) =>
      [...rendered.env(component).keys()].flatMap((name) =>
        name.includes('STATIC_HEADERS') ? [name.split('_')[1]] : [],
      ),
    );
    assert.deepEqual(given, [['CHANNEL', 'RPC'], ['RPC'], [], []]);
  });

  test('a process has the name of its pod', () => {
    for (const component of components) {
      const env = at(least.container(component), 'env') as { name: string }[];
      assert.equal(least.env(component).get('PHAROS_NAME'), '$(POD_NAME)');
      assert(env.findIndex(({ name }) => name === 'POD_NAME') < env.findIndex(({ name }) => name === 'PHAROS_NAME'));
    }
  });

  test('the heap is a part of the memory limit', async () => {
    assert.equal(least.env('edge').get('NODE_OPTIONS'), '--max-old-space-size=1228');
    const rendered = await render(leastValues, {
      edge: { resources: { limits: { memory: '1500M' } } },
      api: { heapPercent: 0 },
      history: { resources: { limits: { memory: null } } },
      workload: { resources: { limits: { memory: null } } },
    });
    assert.equal(rendered.env('edge').get('NODE_OPTIONS'), '--max-old-space-size=858');
    assert.equal(rendered.env('api').get('NODE_OPTIONS'), undefined);
    assert.equal(rendered.env('history').get('NODE_OPTIONS'), undefined);
  });

  test('budgets, where there is more than one pod', () => {
    assert.deepEqual(at(least.get('PodDisruptionBudget', '-edge'), 'spec.maxUnavailable'), 1);
    assert.equal(at(least.get('PodDisruptionBudget', '-edge'), 'spec.unhealthyPodEvictionPolicy'), 'AlwaysAllow');
    assert.equal(at(extras.get('PodDisruptionBudget', '-edge'), 'spec.minAvailable'), '50%');
    assert.equal(at(extras.get('PodDisruptionBudget', '-edge'), 'spec.maxUnavailable'), undefined);
    assert.equal(edgeOnly.ofKind('PodDisruptionBudget').length, 0);
  });

  test('the autoscaler looks at connections, then CPU, then the event loop, and takes one pod in five minutes', () => {
    const scaler = production.get('HorizontalPodAutoscaler', '-edge');
    const metrics = at(scaler, 'spec.metrics') as { type: string }[];
    assert.equal(at(metrics[0], 'pods.metric.name'), 'pharos_edge_connections');
    assert.equal(at(metrics[0], 'pods.target.averageValue'), '40000');
    assert.equal(at(metrics[1], 'containerResource.container'), 'edge');
    assert.equal(at(metrics[2], 'pods.metric.name'), 'pharos_event_loop_lag_seconds');
    const readme = readFileSync(`${chartFolder}README.md`, 'utf8');
    for (const name of ['pharos_edge_connections', 'pharos_event_loop_lag_seconds'])
      assert(readme.includes(`name: {as: ${name}}`), `the adapter is told of ${name}`);
    assert.deepEqual(at(scaler, 'spec.behavior.scaleDown.policies'), [{ type: 'Pods', value: 1, periodSeconds: 300 }]);
    assert.equal(at(production.get('Deployment', '-edge'), 'spec.replicas'), undefined);
    assert.equal((at(production.get('HorizontalPodAutoscaler', '-api'), 'spec.metrics') as unknown[]).length, 1);
    assert.equal(least.ofKind('HorizontalPodAutoscaler').length, 0);
  });

  test('pods come and go as fast with KEDA as without', async () => {
    const autoscaling = { scaleDownPods: 2, scaleUpPods: 7 };
    const triggers = [{ type: 'cron', metadata: {} }];
    const rendered = await render(leastValues, {
      edge: { autoscaling: { ...autoscaling, enabled: true } },
      api: { autoscaling, keda: { enabled: true, triggers } },
    });
    const behavior = at(rendered.get('HorizontalPodAutoscaler', '-edge'), 'spec.behavior');
    assert.deepEqual(at(behavior, 'scaleUp.policies'), [{ type: 'Pods', value: 7, periodSeconds: 60 }]);
    assert.deepEqual(at(behavior, 'scaleDown.policies'), [{ type: 'Pods', value: 2, periodSeconds: 300 }]);
    const scaled = rendered.get('ScaledObject', '-api');
    assert.deepEqual(at(scaled, 'spec.advanced.horizontalPodAutoscalerConfig.behavior'), behavior);
  });

  test('KEDA takes no answer for none', () => {
    const scaled = extras.get('ScaledObject', '-edge');
    assert.equal(at(scaled, 'spec.triggers.0.metadata.ignoreNullValues'), 'false');
    assert.deepEqual(at(scaled, 'spec.fallback'), { failureThreshold: 3, replicas: 4 });
    assert.equal(at(scaled, 'spec.maxReplicaCount'), 30);
    assert.equal(at(extras.get('Deployment', '-edge'), 'spec.replicas'), undefined);
    assert.equal(at(extras.get('ScaledObject', '-history'), 'spec.triggers.0.metadata.subscription'), 'pharos-history');
  });

  test('pods are spread, or as the operator says', async () => {
    const spec = at(least.pod('edge'), 'spec');
    const keys = (at(spec, 'topologySpreadConstraints') as { topologyKey: string }[]).map((one) => one.topologyKey);
    assert.deepEqual(keys, ['topology.kubernetes.io/zone', 'kubernetes.io/hostname']);
    assert.equal(at(spec, 'topologySpreadConstraints.0.whenUnsatisfiable'), 'ScheduleAnyway');
    const anti = 'affinity.podAntiAffinity';
    assert(at(spec, `${anti}.preferredDuringSchedulingIgnoredDuringExecution`) !== undefined);
    const strict = await render(caseFile('production'), { workload: { antiAffinity: 'hard' } });
    const hard = at(strict.pod('edge'), `spec.${anti}.requiredDuringSchedulingIgnoredDuringExecution.0`);
    assert.equal(at(hard, 'labelSelector.matchLabels', 'app.kubernetes.io/component'), 'edge');
    assert.deepEqual(Object.keys(at(extras.pod('edge'), 'spec.affinity') as object), ['nodeAffinity']);
    assert.equal(at(extras.pod('history'), 'spec.affinity'), undefined);
    assert.equal(at(extras.pod('history'), 'spec.topologySpreadConstraints'), undefined);
  });

  test('metrics and health are on a Service of their own, never on that of clients', () => {
    for (const rendered of [least, production]) {
      for (const service of rendered.ofKind('Service')) {
        const ports = (at(service, 'spec.ports') as { targetPort: string }[]).map(({ targetPort }) => targetPort);
        assert.deepEqual(ports, [service.metadata.name.endsWith('-internal') ? 'internal' : 'client']);
        if (ports[0] === 'internal') assert.equal(at(service, 'spec.clusterIP'), 'None');
      }
    }
    const balancer = at(production.get('Service', '-edge'), 'spec');
    assert.equal(at(balancer, 'type'), 'LoadBalancer');
    assert.equal(at(balancer, 'externalTrafficPolicy'), 'Local');
    assert.equal(at(balancer, 'ports.0.appProtocol'), 'https');
    assert.equal(at(least.get('Service', '-edge'), 'spec.externalTrafficPolicy'), undefined);
  });

  test('network policies let in clients and monitoring, and out to what is configured', () => {
    const policy = at(production.get('NetworkPolicy', '-edge'), 'spec');
    assert.deepEqual(at(policy, 'policyTypes'), ['Ingress', 'Egress']);
    assert.deepEqual(at(policy, 'ingress.1'), {
      ports: [{ port: 'internal' }],
      from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
    });
    const egress = at(policy, 'egress') as { ports: { port: number; protocol?: string }[] }[];
    assert.deepEqual(egress[0]?.ports, [
      { port: 53, protocol: 'UDP' },
      { port: 53, protocol: 'TCP' },
    ]);
    // Beside the usual ones those that the URLs name.
    assert.deepEqual(
      egress[1]?.ports.map(({ port }) => port),
      [6650, 6651, 8080, 8443, 16_651, 18_443],
    );
    assert.deepEqual(
      egress[2]?.ports.map(({ port }) => port),
      [6379, 26_379],
    );
    const presence = at(least.get('NetworkPolicy', '-presence'), 'spec');
    assert.equal((at(presence, 'ingress') as unknown[]).length, 1);
    assert.equal(edgeOnly.ofKind('NetworkPolicy').length, 0);
  });

  test('an Ingress keeps long-lived connections as its controller is told to', async () => {
    const ingress = production.get('Ingress', '-edge');
    assert.equal(at(ingress, 'metadata.annotations', 'nginx.ingress.kubernetes.io/proxy-read-timeout'), '3600');
    assert.equal(at(ingress, 'metadata.annotations', 'nginx.ingress.kubernetes.io/backend-protocol'), 'HTTPS');
    assert.equal(at(ingress, 'spec.rules.0.http.paths.0.path'), '/connection');
    assert.equal(at(ingress, 'spec.rules.0.http.paths.0.backend.service.name'), 'test-pharos-edge');
    assert.equal(least.ofKind('Ingress').length, 0);
    const hosts = [{ host: 'a.example' }];
    for (const [controller, annotation] of [
      ['haproxy', 'haproxy.org/timeout-tunnel'],
      ['alb', 'alb.ingress.kubernetes.io/load-balancer-attributes'],
    ] as const) {
      const rendered = await render(leastValues, { edge: { ingress: { enabled: true, controller, hosts } } });
      const object = rendered.get('Ingress', '-edge');
      assert(at(object, 'metadata.annotations', annotation) !== undefined, controller);
      assert.equal(at(object, 'spec.rules.0.http.paths.0.path'), '/');
    }
  });

  test('a route belongs to its Gateway and has no end', () => {
    const spec = at(extras.get('HTTPRoute', '-edge'), 'spec');
    assert.equal(at(spec, 'parentRefs.0.name'), 'public');
    assert.deepEqual(at(spec, 'rules.0.timeouts'), { request: '0s', backendRequest: '0s' });
    assert.deepEqual(at(spec, 'rules.0.backendRefs'), [{ name: 'test-pharos-edge', port: 80 }]);
  });

  test('Prometheus finds every component, by one way', () => {
    assert.equal(at(production.get('PodMonitor', ''), 'spec.podMetricsEndpoints.0.port'), 'internal');
    assert.equal(at(production.get('PodMonitor', ''), 'metadata.labels.release'), 'prometheus');
    assert.equal(at(production.get('PodMonitor', ''), 'spec.podMetricsEndpoints.0.relabelings.0.targetLabel'), 'node');
    const monitor = extras.get('ServiceMonitor', '');
    // The operator's label of that name would hide the one of `pharos_build_info`; what the values say comes after.
    assert.deepEqual(at(monitor, 'spec.endpoints.0.relabelings.0'), { action: 'labeldrop', regex: 'service' });
    assert.equal(at(monitor, 'spec.endpoints.0.relabelings.1.targetLabel'), 'node');
    const selector = at(monitor, 'spec.selector.matchLabels') as Record<string, string>;
    const found = extras.ofKind('Service').filter((service) => {
      const labels = at(service, 'metadata.labels') as Record<string, string>;
      return Object.entries(selector).every(([key, value]) => labels[key] === value);
    });
    assert.equal(found.length, 4);
    assert.equal(at(edgeOnly.pod('edge'), 'metadata.annotations', 'prometheus.io/port'), '9000');
    assert.equal(at(least.pod('edge'), 'metadata.annotations', 'prometheus.io/port'), undefined);
  });

  test('alert rules and dashboards are those of the chart, whole', () => {
    const files = (folder: string): string[] =>
      readdirSync(`${chartFolder}files/${folder}`, { withFileTypes: true }).flatMap((entry) =>
        entry.isFile() && /\.(yaml|json)$/.test(entry.name) ? [entry.name] : [],
      );
    const rules = production.ofKind('PrometheusRule');
    assert.equal(rules.length, files('rules').length);
    for (const rule of rules) assert(Array.isArray(at(rule, 'spec.groups')), rule.metadata.name);
    const dashboards = production.ofKind('ConfigMap').filter(({ metadata }) => metadata.name.includes('-dashboard-'));
    assert.equal(dashboards.length, files('dashboards').length);
    for (const dashboard of dashboards) {
      assert.equal(at(dashboard, 'metadata.namespace'), 'grafana');
      assert.equal(at(dashboard, 'metadata.labels.grafana_dashboard'), '1');
      const [text] = Object.values(at(dashboard, 'data') as Record<string, string>);
      assert(at(JSON.parse(text ?? ''), 'panels') !== undefined, dashboard.metadata.name);
    }
    assert.equal(least.ofKind('PrometheusRule').length, 0);
  });

  test('alerts lead to the runbook, where it is published', async () => {
    const runbookBaseUrl = 'https://wiki.example.com/pharos/runbook.html';
    const published = await render(leastValues, { metrics: { rules: { enabled: true, runbookBaseUrl } } });
    const urls = (of: Rendered): string[] =>
      of
        .ofKind('PrometheusRule')
        .flatMap((object) =>
          (at(object, 'spec.groups') as { rules: { annotations?: { runbook_url: string } }[] }[])
            .flatMap(({ rules }) => rules)
            .flatMap(({ annotations }) => (annotations === undefined ? [] : [annotations.runbook_url])),
        );
    const inRepository = urls(production);
    assert(inRepository.length > 20 && inRepository.every((url) => url.startsWith('docs/runbook.md#pharos')));
    assert.deepEqual(
      urls(published),
      inRepository.map((url) => url.replace('docs/runbook.md', runbookBaseUrl)),
    );
  });

  test('what is extra is added, templates and all', () => {
    const spec = at(extras.pod('edge'), 'spec');
    assert.equal(at(spec, 'containers.1.name'), 'sidecar');
    assert.equal(at(spec, 'initContainers.0.name'), 'wait');
    assert.equal(at(spec, 'runtimeClassName'), 'gvisor');
    assert.equal(extras.env('edge').get('REGION'), 'chat');
    assert.deepEqual(at(spec, 'containers.0.envFrom'), [{ secretRef: { name: 'more' } }]);
    assert.equal(at(extras.pod('edge'), 'metadata.labels.tier'), 'front');
    assert.equal(at(extras.pod('edge'), 'metadata.annotations', 'example.com/note'), 'edge');
    const names = extras.ofKind('ConfigMap').map(({ metadata }) => metadata.name);
    assert(names.includes('test-extra') && names.includes('test-text'));
    assert.equal(at(production.get('Service', '-api'), 'metadata.labels.team'), 'chat');
    assert.equal(at(production.get('Service', '-api'), 'metadata.annotations', 'example.com/owner'), 'chat');
    assert.equal(at(production.pod('history'), 'spec.priorityClassName'), 'realtime');
    assert.equal(at(production.pod('edge'), 'spec.securityContext.sysctls.0.value'), '120');
  });

  test('the notes warn of what is not for production', async () => {
    const warnings = async (...values: readonly (string | Values)[]): Promise<string[]> =>
      (await notes(...values)).split('\n').flatMap((line) => (line.startsWith('WARNING: ') ? [line.slice(9)] : []));
    const open = await warnings(caseFile('edge-only'), { edge: { service: { type: 'LoadBalancer' } } });
    assert.match(open[0] ?? '', /^edge has one pod/);
    assert.match(open[1] ?? '', /without TLS/);
    assert.match(open[2] ?? '', /anybody may connect/);
    assert.match(open[3] ?? '', /without Redis/);
    assert.equal(open.length, 4);
    assert.match((await warnings(leastValues))[0] ?? '', /^nobody can connect/);
    assert.deepEqual(await warnings(caseFile('production')), []);
  });
});

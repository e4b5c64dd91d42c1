import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { chartFolder } from '../generate/generated.ts';
import { leastValues, refusals as refusalsOf, render, template, type Values, withoutHelm } from './chart.ts';

/** Every message that a test of this file has provoked. */
const provoked = new Set<string>();

async function refusals(...values: readonly Values[]): Promise<string[]> {
  const told = await refusalsOf(...values);
  for (const message of told) provoked.add(message);
  return told;
}

/** Values that the schema refuses, and what Helm says of them. */
const againstSchema: readonly (readonly [what: string, values: Values, message: RegExp])[] = [
  ['a misspelt value', { egde: { replicas: 2 } }, /additional properties 'egde' not allowed/],
  ['one of a component', { edge: { replica: 2 } }, /at '\/edge': additional properties 'replica' not allowed/],
  ['a misspelt setting', { config: { redis: { ur: 'x' } } }, /'\/config\/redis'.*'ur' not allowed/],
  [
    'a setting of a namespace',
    { config: { channel: { namespaces: [{ name: 'a', histroy_size: 1 }] } } },
    /'\/config\/channel\/namespaces\/0'.*'histroy_size' not allowed/,
  ],
  ['a namespace without a name', { config: { channel: { namespaces: [{}] } } }, /missing property 'name'/],
  ['a setting of the wrong service', { presence: { config: { client: {} } } }, /'client' not allowed/],
  ['a secret in values', { config: { redis: { password: 'x' } } }, /'password' not allowed/],
  ['keys in values', { api: { config: { http_api: { keys: [] } } } }, /'keys' not allowed/],
  ['what the chart sets', { config: { listen: ':1' } }, /'listen' not allowed/],
  ['a duration without a unit', { config: { client: { ping_interval: 25 } } }, /client\/ping_interval/],
  ['a duration that is none', { edge: { config: { ring: { max_age: 'long' } } } }, /ring\/max_age/],
  ['a setting that takes no file', { settingsFrom: { 'redis.url': {} } }, /'redis.url' not allowed/],
  ['a sysctl that is not safe', sysctl('net.core.somaxconn'), /podSecurityContext\/sysctls\/0\/name/],
  ['no pods, where there is a component', { edge: { replicas: 0 } }, /'\/edge\/replicas'.*minimum: got 0, want 1/],
  ['a port out of range', { edge: { port: 70_000 } }, /'\/edge\/port'/],
  ['another service type', { edge: { service: { type: 'ExternalName' } } }, /'\/edge\/service\/type'/],
  ['an unknown controller', { edge: { ingress: { controller: 'istio' } } }, /'\/edge\/ingress\/controller'/],
  [
    'a runbook with a chapter',
    { metrics: { rules: { runbookBaseUrl: 'https://wiki/runbook#a' } } },
    /'\/metrics\/rules\/runbookBaseUrl'/,
  ],
  ['half a digest', { image: { digest: 'sha256:12' } }, /'\/image\/digest'/],
  ['a text for a number', { edge: { replicas: 'many' } }, /'\/edge\/replicas'/],
];

/** Values that only templates can refuse, and every message. */
const acrossFields: readonly (readonly [what: string, values: Values, messages: readonly RegExp[]])[] = [
  [
    'a grace that is too short',
    { edge: { drain: { terminationGracePeriodSeconds: 44 } } },
    [/^edge\.drain\.terminationGracePeriodSeconds: 44, and .* are 45: pods would be killed/],
  ],
  [
    'a deadline that is too short',
    { edge: { rollout: { progressDeadlineSeconds: 269 } } },
    [/^edge\.rollout\.progressDeadlineSeconds: 269, and 3 pods take up to 270 s/],
  ],
  [
    'no way to roll out',
    { api: { rollout: { maxSurge: 0 } } },
    [/^api\.rollout: maxSurge and maxUnavailable are both 0/],
  ],
  ['both ends of a budget', { edge: { pdb: { minAvailable: 1 } } }, [/^edge\.pdb: exactly one/]],
  ['neither', { edge: { pdb: { maxUnavailable: '' } } }, [/^edge\.pdb: exactly one/]],
  [
    'a limit that is no quantity',
    { edge: { resources: { limits: { memory: '2 GB' } } } },
    [/^edge\.resources\.limits\.memory: 2 GB is no quantity/],
  ],
  [
    'two autoscalers',
    { edge: { autoscaling: { enabled: true }, keda: { enabled: true, triggers: [{ type: 'cron' }] } } },
    [/^edge: one of autoscaling and keda/],
  ],
  [
    'less than least',
    { api: { autoscaling: { enabled: true, minReplicas: 11 } } },
    [/^api: minReplicas 11 are more than maxReplicas 10/],
  ],
  [
    'an autoscaler without a metric',
    { api: { autoscaling: { enabled: true, cpuUtilization: 0 } } },
    [/^api\.autoscaling: no metric/],
  ],
  [
    'a share of no request',
    { api: { autoscaling: { enabled: true }, resources: { requests: { cpu: null } } } },
    [/^api\.autoscaling\.cpuUtilization: is of resources\.requests\.cpu/],
  ],
  ['KEDA without triggers', { api: { keda: { enabled: true } } }, [/^api\.keda\.triggers: are missing/]],
  [
    'the backlog of a subscription that there is not',
    { edge: { keda: { enabled: true, triggers: [{ type: 'pulsar' }] } } },
    [/^edge\.keda\.triggers: pulsar reads the backlog of one named subscription/],
  ],
  ['an Ingress without hosts', { edge: { ingress: { enabled: true } } }, [/^edge\.ingress\.hosts: are missing/]],
  ['a route without a Gateway', { api: { gateway: { enabled: true } } }, [/^api\.gateway\.parentRefs: are missing/]],
  [
    'a rollout that a StatefulSet has not',
    { edge: { kind: 'StatefulSet', rollout: { maxSurge: 2, progressDeadlineSeconds: 900 } } },
    [/^edge\.rollout\.maxSurge: a StatefulSet has none/, /^edge\.rollout\.progressDeadlineSeconds: a StatefulSet/],
  ],
  [
    'a variable that the chart sets',
    {
      edge: { extraEnv: [{ name: 'NODE_OPTIONS', value: '--inspect' }] },
      api: { extraEnv: [{ name: 'PHAROS_NAME', value: 'mine' }] },
    },
    [
      /^api\.extraEnv: PHAROS_NAME is there twice, or set by the chart/,
      /^edge\.extraEnv: NODE_OPTIONS is there twice, or set by the chart/,
    ],
  ],
  [
    'traces to nowhere',
    { tracing: { enabled: true, headersFrom: { existingSecret: 'otel' } } },
    [/^tracing\.endpoint: is missing/, /^tracing\.headersFrom: both existingSecret and key/],
  ],
  [
    'a trial beside the real thing',
    {
      trial: { pulsar: { enabled: true }, redis: { enabled: true } },
      settingsFrom: { 'redis.password': { existingSecret: 'a', key: 'b' } },
      provision: { enabled: true },
    },
    [
      /^config\.pulsar\.url: one of it and trial\.pulsar$/,
      /^config\.redis\.url: one of it and trial\.redis$/,
      /^settingsFrom\.redis\.password: trial\.redis has neither/,
      /^provision: runs before trial\.pulsar is there/,
    ],
  ],
  [
    'topics of edges that there are not',
    { edge: off(), provision: { enabled: true } },
    [/^provision: makes the topics of an edge's settings, and edge\.enabled is false/],
  ],
  [
    'two monitors',
    { metrics: { podMonitor: { enabled: true }, serviceMonitor: { enabled: true } } },
    [/^metrics: one of annotations, podMonitor and serviceMonitor/],
  ],
  [
    'annotations beside a monitor',
    { metrics: { annotations: true, podMonitor: { enabled: true } } },
    [/^metrics: one of annotations, podMonitor and serviceMonitor/],
  ],
  ['one port for both', { edge: { port: 9000 } }, [/^edge\.port: 9000 is internalPort's as well/]],
  [
    'what a Service of its type has not',
    {
      edge: { service: { externalTrafficPolicy: 'Local', nodePort: 30_001 } },
      api: { service: { type: 'NodePort', loadBalancerClass: 'nlb', nodePort: 30_002 } },
    },
    [
      /^api\.service\.loadBalancerClass: a Service of type NodePort has none/,
      /^edge\.service\.externalTrafficPolicy: a Service of type ClusterIP has none/,
      /^edge\.service\.nodePort: a Service of type ClusterIP/,
    ],
  ],
  [
    'two routes for the same requests',
    { edge: { gateway: gateway({ namespace: 'chat' }) }, api: { gateway: gateway({ sectionName: 'https' }) } },
    [/^edge\.gateway and api\.gateway: both take \/ of the Gateway public/],
  ],
  [
    'two routes for a host',
    {
      edge: { gateway: { ...gateway({}), hostnames: ['a.example', 'b.example'] } },
      api: { gateway: { ...gateway({}), hostnames: ['b.example'] } },
    },
    [/^edge\.gateway and api\.gateway: both take \/ of the Gateway public, by the same hostnames/],
  ],
  [
    'a budget that keeps all',
    { edge: { pdb: { minAvailable: 3, maxUnavailable: '' } } },
    [/^edge\.pdb: none of 3 pods/],
  ],
  ['nearly all', { edge: { pdb: { minAvailable: '67%', maxUnavailable: '' } } }, [/^edge\.pdb: none of 3 pods may go/]],
  ['a budget of nothing', { api: { pdb: { maxUnavailable: 0 } } }, [/^api\.pdb: none of 2 pods may go/]],
  [
    'a protocol without TLS, where there is TLS',
    { edge: { config: { tls: { cert_file: '/tls.crt', key_file: '/tls.key' } } } },
    [/^edge\.service\.appProtocol: http, and edge has TLS itself/],
  ],
  [
    'nothing at all',
    { edge: off(), api: off(), history: off(), presence: off() },
    [/^edge\.enabled: no component is enabled/],
  ],
  [
    'settings from nowhere',
    { settingsFrom: { 'redis.password': { key: 'a' }, 'redis.tls.ca_file': { existingSecret: 'a' } } },
    [/^settingsFrom\.redis\.password: existingSecret is missing/, /^settingsFrom\.redis\.tls\.ca_file: key is missing/],
  ],
  [
    'settings from two places',
    { settingsFrom: { 'redis.tls.ca_file': { existingSecret: 'a', existingConfigMap: 'b', key: 'c' } } },
    [/^settingsFrom\.redis\.tls\.ca_file: one of existingSecret and existingConfigMap/],
  ],
  [
    'a secret from a ConfigMap',
    { settingsFrom: { 'redis.password': { existingConfigMap: 'a', key: 'b' } } },
    [/^settingsFrom\.redis\.password: a secret belongs into a Secret/],
  ],
  [
    'a certificate without its key',
    { edge: { settingsFrom: { 'tls.cert_file': { existingSecret: 'a', key: 'b' } }, service: { appProtocol: '' } } },
    [/^settingsFrom: both tls\.cert_file and tls\.key_file, or neither/],
  ],
];

describe('values that are refused', { skip: withoutHelm }, () => {
  for (const [what, values, message] of againstSchema) {
    test(`by the schema: ${what}`, async () => {
      const { status, output } = await template(leastValues, values);
      assert.equal(status, 1);
      assert.match(output, message);
    });
  }

  for (const [what, values, messages] of acrossFields) {
    test(`by the templates: ${what}`, async () => {
      const told = await refusals(leastValues, values);
      assert.equal(told.length, messages.length, told.join('\n'));
      for (const [index, message] of messages.entries()) assert.match(told[index] ?? '', message);
    });
  }

  test('without any values, all that is missing is told in one message', async () => {
    const told = await refusals();
    assert.deepEqual(
      told.map((text) => text.split(':')[0]),
      ['config.pulsar.url', 'settingsFrom', 'config.redis.url', 'config.redis.url'],
    );
  });

  test('what channels need of the cluster', async () => {
    const channel = {
      namespaces: [{ name: 'a', join_leave: true, history_ttl: '1m' }],
      without_namespace: { replay: true },
    };
    const config = { pulsar: { url: 'pulsar://p' }, channel };
    const told = await refusals({ config, history: off(), presence: off(), api: off() });
    assert.match(told[0] ?? '', /^config\.channel: presence, join_leave and replay \(a\) need config\.redis\.url/);
    assert.match(told[1] ?? '', /^config\.channel: join_leave \(a\) needs presence\.enabled=true/);
    assert.match(told[2] ?? '', /^config\.channel: .* \(without_namespace\) need config\.redis\.url/);
    assert.equal(told.length, 3);
  });

  test('what is right beside it is taken', async () => {
    const edge = { ...gateway({}), hostnames: ['a.example'] };
    await render(leastValues, { edge: { gateway: edge }, api: { gateway: gateway({}) } });
    await render(leastValues, { edge: { gateway: edge }, api: { gateway: { ...gateway({}), path: '/api' } } });
    await render(leastValues, { edge: { gateway: gateway({}) }, api: { gateway: gateway({ namespace: 'inside' }) } });
    const sections = [gateway({ sectionName: 'a' }), gateway({ sectionName: 'b' })];
    await render(leastValues, { edge: { gateway: sections[0] }, api: { gateway: sections[1] } });
    await render(leastValues, { edge: { pdb: { minAvailable: '66%', maxUnavailable: '' } } });
    await render(leastValues, { edge: { replicas: 1, pdb: { minAvailable: 1, maxUnavailable: '' } } });
    await render(leastValues, {
      edge: { service: { type: 'NodePort', externalTrafficPolicy: 'Local', nodePort: 30_001 } },
    });
  });

  // The last of those that provoke: it looks at what they did.
  test('each message of the templates has been provoked', () => {
    const patterns = messagesOfTemplates();
    assert(patterns.length > 25, `${patterns.length}`);
    const never = patterns.filter((pattern) => ![...provoked].some((message) => pattern.test(message)));
    assert.deepEqual(never, []);
  });

  test('what comes from the environment is not missing', async () => {
    const extraEnv = [
      { name: 'PHAROS_PULSAR_URL', value: 'pulsar://p' },
      { name: 'PHAROS_REDIS_URL', value: 'redis://r' },
      { name: 'PHAROS_HTTP_API_KEY', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } },
    ];
    await render({ workload: { extraEnv } });
    await render({ workload: { envFrom: [{ secretRef: { name: 'all' } }] } });
  });
});

/** What the templates can say: each text of a problem, its verbs as wild cards. */
function messagesOfTemplates(): RegExp[] {
  const source = ['_validate.tpl', 'validate.yaml']
    .map((name) => readFileSync(`${chartFolder}templates/${name}`, 'utf8'))
    .join('\n');
  const texts = [...source.matchAll(/(?:"text" (?:\(printf )?|\$text = |append \$state\.problems )"([^"]+)"/g)];
  // Of those that are put together the frame, and each part.
  return texts.map(
    ([, text = '']) => new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/%[sdv]/g, '.+')),
  );
}

function gateway(parentRef: Values): Values {
  return { enabled: true, parentRefs: [{ name: 'public', ...parentRef }] };
}

function off(): Values {
  return { enabled: false };
}

function sysctl(name: string): Values {
  return { edge: { podSecurityContext: { sysctls: [{ name, value: '1' }] } } };
}

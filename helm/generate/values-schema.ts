import { configSchema, sharedConfigSchema, withoutDescriptions } from './config-schema.ts';
import { choice, flag, type JsonSchema, list, matching, open, section, text, texts, whole } from './json-schema.ts';
import { services, serviceSettings } from './services.ts';

const port = whole(1, 65_535);
const countOrPercent: JsonSchema = { anyOf: [whole(0), matching('^([0-9]+%)?$')] };
const resources = section({ limits: open, requests: open, claims: list(open) });
/** https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster: the others need a kubelet that allows them. */
const safeSysctls = choice(
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
);
const sysctl: JsonSchema = { ...section({ name: safeSysctls, value: text }), required: ['name', 'value'] };

/** @param ends whether it ends containers: Kubernetes lets it have a grace of its own then, and one yes is enough for it. */
function probe(ends: boolean): JsonSchema {
  return section({
    initialDelaySeconds: whole(0),
    periodSeconds: whole(1),
    timeoutSeconds: whole(1),
    failureThreshold: whole(1),
    ...(ends
      ? { terminationGracePeriodSeconds: whole(1), successThreshold: whole(1, 1) }
      : { successThreshold: whole(1) }),
  });
}

/** What every component has. */
const workload: Record<string, JsonSchema> = {
  replicas: whole(1),
  listenHost: matching('^(\\[[0-9A-Fa-f:.]+\\]|[0-9.]+)$'),
  rollout: section({
    maxSurge: countOrPercent,
    maxUnavailable: countOrPercent,
    minReadySeconds: whole(0),
    progressDeadlineSeconds: whole(0),
    revisionHistoryLimit: whole(0),
  }),
  drain: section({
    preStopSeconds: whole(0),
    timeoutSeconds: whole(0, 3600),
    terminationGracePeriodSeconds: whole(1),
  }),
  probes: section({ startup: probe(true), readiness: probe(false), liveness: probe(true) }),
  resources,
  heapPercent: whole(0, 90),
  pdb: section({ enabled: flag, maxUnavailable: countOrPercent, minAvailable: countOrPercent }),
  autoscaling: section({
    enabled: flag,
    minReplicas: whole(1),
    maxReplicas: whole(1),
    cpuUtilization: whole(0, 100),
    extraMetrics: list(open),
    scaleDownPods: whole(1),
    scaleUpPods: whole(1),
  }),
  keda: section({
    enabled: flag,
    minReplicas: whole(1),
    maxReplicas: whole(1),
    pollingInterval: whole(1),
    fallbackReplicas: whole(1),
    triggers: list({ type: 'object', properties: { type: text, metadata: texts }, required: ['type'] }),
  }),
  topologyKeys: list(text),
  whenUnsatisfiable: choice('ScheduleAnyway', 'DoNotSchedule'),
  antiAffinity: choice('soft', 'hard', 'off'),
  affinity: open,
  nodeSelector: texts,
  tolerations: list(open),
  priorityClassName: text,
  runtimeClassName: text,
  podLabels: texts,
  podAnnotations: texts,
  podSecurityContext: { type: 'object', properties: { sysctls: list(sysctl) } },
  securityContext: open,
  extraEnv: list({ type: 'object', properties: { name: text }, required: ['name'] }),
  envFrom: list(open),
  extraVolumes: list(open),
  extraVolumeMounts: list(open),
  extraContainers: list(open),
  extraInitContainers: list(open),
  extraArgs: list(text),
};

const service = section({
  type: choice('ClusterIP', 'NodePort', 'LoadBalancer'),
  port,
  appProtocol: text,
  annotations: texts,
  labels: texts,
  loadBalancerClass: text,
  loadBalancerSourceRanges: list(text),
  externalTrafficPolicy: choice('', 'Cluster', 'Local'),
  nodePort: whole(0, 65_535),
});
const path = section({ path: matching('^/'), pathType: choice('Exact', 'Prefix', 'ImplementationSpecific') });
const ingress = section({
  enabled: flag,
  className: text,
  controller: choice('', 'nginx', 'haproxy', 'traefik', 'alb'),
  annotations: texts,
  labels: texts,
  hosts: list(section({ host: text, paths: list(path) })),
  tls: list(section({ secretName: text, hosts: list(text) })),
});
const gateway = section({
  enabled: flag,
  annotations: texts,
  labels: texts,
  parentRefs: list(open),
  hostnames: list(text),
  path: matching('^/'),
  timeout: matching('^([0-9]{1,5}(h|m|s|ms)){1,4}$'),
});
/** Of components that clients or applications connect to. */
const reachable = { port, service, ingress, gateway };

const source = section({ existingSecret: text, existingConfigMap: text, key: text });

function settingsFrom(names: readonly string[]): JsonSchema {
  return section(Object.fromEntries(names.map((name) => [name, { $ref: '#/definitions/source' }])));
}

function component(name: string, own: Record<string, JsonSchema>): JsonSchema {
  const schema = services[name];
  if (schema === undefined) throw new TypeError(`there is no service ${name}`);
  return section({
    ...Object.fromEntries(Object.keys(workload).map((key) => [key, { $ref: `#/definitions/${key}` }])),
    enabled: flag,
    internalPort: port,
    config: withoutDescriptions(configSchema(schema)),
    settingsFrom: settingsFrom(Object.keys(serviceSettings(name).files)),
    ...own,
  });
}

function monitor(): JsonSchema {
  return section({
    enabled: flag,
    interval: text,
    scrapeTimeout: text,
    labels: texts,
    relabelings: list(open),
    metricRelabelings: list(open),
  });
}

const tracing = section({
  enabled: flag,
  endpoint: matching('^(https?://.+)?$'),
  protocol: choice('http/protobuf', 'http/json'),
  sampler: choice(
    'always_on',
    'always_off',
    'traceidratio',
    'parentbased_always_on',
    'parentbased_always_off',
    'parentbased_traceidratio',
  ),
  ratio: matching('^(0(\\.[0-9]+)?|1(\\.0+)?)$'),
  resourceAttributes: { ...texts, propertyNames: { pattern: '^[A-Za-z0-9._-]+$' } },
  headersFrom: section({ existingSecret: text, key: text }),
});
const trialImage = { ...text, minLength: 1 };
const trial = section({
  pulsar: section({ enabled: flag, image: trialImage, memory: text, resources }),
  redis: section({ enabled: flag, image: trialImage, memory: matching('^[0-9]+(kb|mb|gb)?$'), resources }),
});

/** The schema of values.yaml. */
export function valuesSchema(): JsonSchema {
  const autoscaling = section({
    ...workload['autoscaling']?.properties,
    connections: whole(0),
    eventLoopLagSeconds: matching('^([0-9]+(\\.[0-9]+)?m?)?$'),
  });
  const allFiles = Object.keys(services).flatMap((name) => Object.keys(serviceSettings(name).files));
  const peers = list(open);
  const ports = list(port);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart pharos',
    ...section({
      nameOverride: text,
      fullnameOverride: text,
      commonLabels: texts,
      commonAnnotations: texts,
      image: section({
        repository: { ...text, minLength: 1 },
        tag: text,
        digest: matching('^(sha256:[0-9a-f]{64})?$'),
        pullPolicy: choice('Always', 'IfNotPresent', 'Never'),
        pullSecrets: list(text),
      }),
      config: sharedConfigSchema(),
      settingsFrom: settingsFrom([...new Set(allFiles)]),
      workload: section(workload),
      edge: component('edge', { ...reachable, autoscaling, kind: choice('Deployment', 'StatefulSet') }),
      api: component('api', reachable),
      history: component('history', {}),
      presence: component('presence', {}),
      serviceAccount: section({ create: flag, name: text, annotations: texts }),
      networkPolicy: section({
        enabled: flag,
        clients: peers,
        apiClients: peers,
        monitoring: peers,
        dns: peers,
        pulsar: peers,
        pulsarPorts: ports,
        redis: peers,
        redisPorts: ports,
        otlp: peers,
        otlpPorts: ports,
        backends: peers,
        backendPorts: ports,
        extraIngress: list(open),
        extraEgress: list(open),
      }),
      metrics: section({
        annotations: flag,
        podMonitor: monitor(),
        serviceMonitor: monitor(),
        rules: section({ enabled: flag, labels: texts, runbookBaseUrl: matching('^(https?://[^#\\s]+)?$') }),
        dashboards: section({ enabled: flag, namespace: text, labels: texts, annotations: texts }),
      }),
      tracing,
      trial,
      provision: section({
        enabled: flag,
        strict: flag,
        backoffLimit: whole(0),
        timeoutSeconds: whole(1),
        serviceAccountName: text,
      }),
      tests: section({ enabled: flag, channel: { ...text, minLength: 1 }, timeoutSeconds: whole(1) }),
      extraObjects: list({ type: ['object', 'string'] }),
      // Helm's own, given to every chart.
      global: open,
    }),
    definitions: { ...workload, source },
  };
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, type Rendered } from './chart.ts';
import { type CommandResult, pharos } from './pharos.ts';

/** As Kubernetes has it, with its defaults where the chart says nothing. */
export interface Probe {
  readonly path: string;
  readonly initialDelaySeconds: number;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
  /** Of a container that the probe ends, in place of the pod's. */
  readonly graceSeconds: number;
}

/** What a kubelet needs to know of a Deployment's pods. */
export interface PodTemplate {
  readonly component: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly preStopSeconds: number;
  readonly graceSeconds: number;
  readonly minReadySeconds: number;
  readonly startup: Probe;
  readonly readiness: Probe;
  readonly liveness: Probe;
}

/** Reads it from what the chart made; the ConfigMap becomes a file in `folder`. */
export function podTemplate(rendered: Rendered, component: string, folder: string): PodTemplate {
  const container = rendered.container(component);
  const mount = join(folder, component);
  mkdirSync(mount, { recursive: true });
  writeFileSync(join(mount, 'pharos.yaml'), rendered.config(component));
  const graceSeconds = Number(at(rendered.pod(component), 'spec.terminationGracePeriodSeconds'));
  const probe = (name: string): Probe => {
    const number = (key: string, otherwise: number): number => Number(at(container, `${name}.${key}`) ?? otherwise);
    return {
      path: String(at(container, `${name}.httpGet.path`)),
      initialDelaySeconds: number('initialDelaySeconds', 0),
      periodSeconds: number('periodSeconds', 10),
      timeoutSeconds: number('timeoutSeconds', 1),
      successThreshold: number('successThreshold', 1),
      failureThreshold: number('failureThreshold', 3),
      graceSeconds: number('terminationGracePeriodSeconds', graceSeconds),
    };
  };
  const env = [...rendered.env(component)].filter(([, value]) => typeof value === 'string');
  return {
    component,
    args: (at(container, 'args') as string[]).map((arg) => arg.replace('/etc/pharos/config', mount)),
    env: Object.fromEntries(env.map(([name, value]) => [name, value.replace('/etc/pharos/settings', folder)])),
    preStopSeconds: Number(at(container, 'lifecycle.preStop.sleep.seconds') ?? 0),
    graceSeconds,
    minReadySeconds: Number(at(rendered.workload(component), 'spec.minReadySeconds')),
    startup: probe('startupProbe'),
    readiness: probe('readinessProbe'),
    liveness: probe('livenessProbe'),
  };
}

/**
 * The rendered Job's container, run to its end: its arguments and environment as they are, its ConfigMap a file, and `secrets` the files of its
 * mounted settings, by the name of the setting.
 */
export async function runJob(
  rendered: Rendered,
  component: string,
  folder: string,
  secrets: Readonly<Record<string, string>>,
  ...more: readonly string[]
): Promise<CommandResult> {
  const container = at(rendered.get('Job', `-${component}`), 'spec.template.spec.containers.0');
  const [config, settings] = [join(folder, 'config'), join(folder, 'settings')];
  for (const made of [config, settings]) mkdirSync(made, { recursive: true });
  writeFileSync(join(config, 'pharos.yaml'), rendered.config(component));
  for (const [setting, secret] of Object.entries(secrets)) writeFileSync(join(settings, setting), secret);
  const here = (text: string): string =>
    text.replace('/etc/pharos/config', config).replace('/etc/pharos/settings', settings);
  const variables = (at(container, 'env') ?? []) as readonly { name: string; value: string }[];
  const args = (at(container, 'args') as readonly string[]).map(here);
  return pharos([...args, ...more], Object.fromEntries(variables.map(({ name, value }) => [name, here(value)])));
}

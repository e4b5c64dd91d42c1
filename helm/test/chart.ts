import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { goProgram, unavailable } from '@pharos/testkit';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { chartFolder } from '../generate/generated.ts';

/** Values of clusters as they are, by which the chart is tested. */
export const cases: readonly string[] = readdirSync(`${chartFolder}ci`).flatMap((name) =>
  name.endsWith('-values.yaml') ? [name.slice(0, -'-values.yaml'.length)] : [],
);

export function caseFile(name: string): string {
  return `${chartFolder}ci/${name}-values.yaml`;
}

const run = promisify(execFile);
const maxOutputBytes = 16 * 1024 * 1024;

/** For the `skip` option: Helm is built with Go. */
export const withoutHelm: string | false = unavailable('go');

/** A Kubernetes object, read with doubt: what it has is looked at by `at`. */
export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

export interface RenderedPod {
  readonly component: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: unknown;
}

export interface HelmResult {
  readonly status: number;
  readonly output: string;
}

/** Values as a tree, as one would write them in YAML. */
export type Values = Readonly<Record<string, unknown>>;

/** The least that a cluster has. */
export const leastValues: Values = {
  config: { pulsar: { url: 'pulsar://pulsar:6650' }, redis: { url: 'redis://redis:6379' } },
  settingsFrom: { 'http_api.key': { existingSecret: 'pharos', key: 'api-key' } },
};

/** Runs Helm on the chart with values (paths of files, or trees, which come later and win). Never rejects. */
async function helm(args: readonly string[], values: readonly (string | Values)[]): Promise<HelmResult> {
  const program = await goProgram('helm');
  const folder = await mkdtemp(join(tmpdir(), 'pharos-helm-'));
  try {
    const files = await Promise.all(
      values.map(async (value, index) => {
        if (typeof value === 'string') return value;
        const file = join(folder, `${index}.yaml`);
        await writeFile(file, stringify(value));
        return file;
      }),
    );
    const options = { maxBuffer: maxOutputBytes, env: { ...process.env, HELM_CONFIG_HOME: folder } };
    const { stdout } = await run(program, [...args, ...files.flatMap((file) => ['--values', file])], options);
    return { status: 0, output: stdout };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { status: 1, output: `${stdout}${stderr}` || String(error) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function lint(...values: readonly (string | Values)[]): Promise<HelmResult> {
  return helm(['lint', '--strict', chartFolder], values);
}

export function template(...values: readonly (string | Values)[]): Promise<HelmResult> {
  return helm(['template', 'test', chartFolder, '--namespace', 'chat'], values);
}

/** The same for a cluster of a version, such as `1.30.0`. */
export function templateFor(kubernetes: string, ...values: readonly (string | Values)[]): Promise<HelmResult> {
  return helm(['template', 'test', chartFolder, '--namespace', 'chat', '--kube-version', kubernetes], values);
}

/** The notes that an installation ends with. Helm shows them only with a cluster; so they are rendered as an object here. */
export async function notes(...values: readonly (string | Values)[]): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'pharos-chart-'));
  try {
    await cp(chartFolder, copy, { recursive: true });
    const text = await readFile(join(copy, 'templates', 'NOTES.txt'), 'utf8');
    const object = `kind: Notes\nmetadata: {name: notes}\ntext: |\n  {{- include "notes" . | nindent 2 }}\n`;
    await writeFile(join(copy, 'templates', 'notes.yaml'), `{{ define "notes" }}${text}{{ end }}${object}`);
    const only = ['--show-only', 'templates/notes.yaml'];
    const { status, output } = await helm(['template', 'test', copy, '--namespace', 'chat', ...only], values);
    if (status !== 0) throw new Error(output);
    return String(at(parse(output), 'text'));
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** What the chart makes of values. Throws what Helm says where they are refused. */
export async function render(...values: readonly (string | Values)[]): Promise<Rendered> {
  const { status, output } = await template(...values);
  if (status !== 0) throw new Error(output);
  const documents = parseAllDocuments(output).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS() as KubernetesObject | null;
  });
  return new Rendered(documents.filter((object) => object !== null));
}

/** The messages with which values are refused, one by one. */
export async function refusals(...values: readonly (string | Values)[]): Promise<string[]> {
  const { status, output } = await template(...values);
  if (status === 0) throw new Error('the chart took the values');
  return output
    .split('\n')
    .filter((line) => line.startsWith('- '))
    .map((line) => line.slice(2));
}

/** The objects of a release named `test`, and found by what comes after their common beginning. */
export class Rendered {
  readonly objects: readonly KubernetesObject[];
  readonly #fullname: string;

  constructor(objects: readonly KubernetesObject[]) {
    this.objects = objects;
    const ofEdges = '-edge-internal';
    const service = this.ofKind('Service').find(({ metadata }) => metadata.name.endsWith(ofEdges));
    this.#fullname = service?.metadata.name.slice(0, -ofEdges.length) ?? 'test-pharos';
  }

  ofKind(kind: string): KubernetesObject[] {
    return this.objects.filter((object) => object.kind === kind);
  }

  find(kind: string, name: string): KubernetesObject | undefined {
    return this.objects.find((object) => object.kind === kind && object.metadata.name === `${this.#fullname}${name}`);
  }

  get(kind: string, name: string): KubernetesObject {
    const object = this.find(kind, name);
    if (object === undefined) throw new Error(`there is no ${kind} ${this.#fullname}${name}`);
    return object;
  }

  /** The Deployments and StatefulSets. */
  workloads(): KubernetesObject[] {
    return [...this.ofKind('Deployment'), ...this.ofKind('StatefulSet')];
  }

  /** What all pods are made from: of workloads, of jobs, and by themselves. */
  podTemplates(): RenderedPod[] {
    const templates = [...this.workloads(), ...this.ofKind('Job')].map((object) => at(object, 'spec.template'));
    return [...templates, ...this.ofKind('Pod')].map((template) => ({
      component: String(at(template, 'metadata.labels', 'app.kubernetes.io/component')),
      labels: at(template, 'metadata.labels') as Readonly<Record<string, string>>,
      spec: at(template, 'spec'),
    }));
  }

  findWorkload(component: string): KubernetesObject | undefined {
    return this.find('Deployment', `-${component}`) ?? this.find('StatefulSet', `-${component}`);
  }

  workload(component: string): KubernetesObject {
    return this.findWorkload(component) ?? this.get('Deployment', `-${component}`);
  }

  /** What the pods of a component are made from. */
  pod(component: string): unknown {
    return at(this.workload(component), 'spec.template');
  }

  container(component: string): unknown {
    return at(this.pod(component), 'spec.containers.0');
  }

  /** The environment of a component's container. */
  env(component: string): Map<string, string> {
    const entries = at(this.container(component), 'env') as readonly { name: string; value: string }[];
    return new Map(entries.map(({ name, value }) => [name, value]));
  }

  /** The configuration file of a component. */
  config(component: string): string {
    return String(at(this.get('ConfigMap', `-${component}`), 'data', 'pharos.yaml'));
  }
}

/** What lies at a path such as `spec.ports.0.name`; undefined where there is nothing. Further keys are taken as they are. */
export function at(object: unknown, path: string, ...keys: readonly string[]): unknown {
  let current: unknown = object;
  for (const key of [...path.split('.'), ...keys]) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { at, caseFile, cases, type KubernetesObject, render, type Rendered } from './chart.ts';

const folder = fileURLToPath(new URL('releases/', import.meta.url));
const suffix = '-values.yaml';

/** What of an object no upgrade can change, or none may: a field by its path. */
export type Kept = Readonly<Record<string, unknown>>;

/** Values that a version of the chart was installed with, and what stands in the cluster since. */
export interface KeptRelease {
  readonly version: string;
  readonly name: string;
  readonly valuesFile: string;
  /** By kind and name, such as `Service test-pharos-edge`. */
  readonly objects: Readonly<Record<string, Kept>>;
}

export function keptReleases(): KeptRelease[] {
  return readdirSync(folder).flatMap((version) => {
    const objects = parse(readFileSync(join(folder, version, 'objects.yaml'), 'utf8')) as Record<
      string,
      Record<string, Kept>
    >;
    return Object.entries(objects).map(([name, kept]) => {
      return { version, name, valuesFile: join(folder, version, `${name}${suffix}`), objects: kept };
    });
  });
}

/** Keeps the chart's cases, and what of their objects must stay. */
export async function keepRelease(version: string): Promise<void> {
  const kept = join(folder, version);
  mkdirSync(kept, { recursive: true });
  const objects: Record<string, Record<string, Kept>> = {};
  for (const name of cases) {
    copyFileSync(caseFile(name), join(kept, basename(caseFile(name))));
    objects[name] = keptOf(await render(caseFile(name)));
  }
  writeFileSync(join(kept, 'objects.yaml'), stringify(objects, { lineWidth: 0 }));
}

export function isKept(version: string): boolean {
  return existsSync(join(folder, version));
}

/** Of the objects that stay in the cluster; those of hooks are made anew each time, and say so themselves. */
export function keptOf({ objects }: Rendered): Record<string, Kept> {
  const staying = objects.filter((object) => at(object, 'metadata.annotations', 'helm.sh/hook') === undefined);
  return Object.fromEntries(staying.map((object) => [`${object.kind} ${object.metadata.name}`, fieldsOf(object)]));
}

/** Kubernetes refuses another value of these. */
const immutable: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['selector'],
  // A change of its type would take away the address that clients come by.
  Service: ['clusterIP', 'type', 'loadBalancerClass'],
  PersistentVolumeClaim: ['accessModes', 'storageClassName', 'selector', 'volumeName', 'volumeMode'],
  Job: ['selector', 'template', 'completionMode'],
};
/** All but these are immutable in a StatefulSet. */
const mutable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

function fieldsOf(object: KubernetesObject): Kept {
  const spec = Object.entries((at(object, 'spec') ?? {}) as Kept);
  const isImmutable = (key: string): boolean =>
    object.kind === 'StatefulSet' ? !mutable.includes(key) : (immutable[object.kind] ?? []).includes(key);
  return Object.fromEntries(spec.filter(([key]) => isImmutable(key)));
}

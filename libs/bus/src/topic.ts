import { BusError } from './errors.ts';

/** A topic name, taken apart. */
export interface TopicParts {
  /** `persistent://tenant/namespace/local` */
  readonly full: string;
  readonly tenant: string;
  readonly namespace: string;
  readonly local: string;
}

// What Pulsar takes for tenants and namespaces; local names are free but for the slash, which would be another part.
const namePart = /^[-=:.\w]+$/;
const partitionSuffix = /-partition-\d+$/;

/**
 * Takes a topic name apart, full (`persistent://public/default/chat`) or short (`chat`, `tenant/namespace/chat`).
 *
 * @throws BusError `invalid-topic`
 */
export function parseTopic(name: string): TopicParts {
  const scheme = name.indexOf('://');
  const rest = scheme < 0 ? name : name.slice(scheme + 3);
  if (scheme >= 0 && name.slice(0, scheme) !== 'persistent') {
    throw invalid(name, `its domain is '${name.slice(0, scheme)}', expected 'persistent': nothing else keeps a log`);
  }
  const parts = rest.split('/');
  if (parts.length !== 3 && (parts.length !== 1 || scheme >= 0)) {
    throw invalid(
      name,
      "expected '<topic>', '<tenant>/<namespace>/<topic>' or 'persistent://<tenant>/<namespace>/<topic>'",
    );
  }
  const [tenant, namespace, local] = (parts.length === 1 ? ['public', 'default', rest] : parts) as [
    string,
    string,
    string,
  ];
  if (!namePart.test(tenant) || !namePart.test(namespace)) {
    throw invalid(name, 'tenant and namespace take letters, digits and - = : . _ only');
  }
  if (local.trim() === '') throw invalid(name, 'its local name is empty');
  if (partitionSuffix.test(local)) {
    throw invalid(name, 'it names one partition; name the whole topic, its partitions are the lanes');
  }
  return { full: `persistent://${tenant}/${namespace}/${local}`, tenant, namespace, local };
}

function invalid(name: string, reason: string): BusError {
  return new BusError('invalid-topic', `'${name}' is not a topic name: ${reason}`);
}

import { accessOptions, accessSettings } from '../connection/access-settings.ts';
import { mustHold, refuseUnknown } from '../options.ts';
import { parseTopicName } from '../topic-name.ts';
import { AdminError } from './admin-error.ts';
import type {
  BacklogQuota,
  BacklogQuotaType,
  InactiveTopicPolicy,
  Properties,
  PulsarAdminConfig,
  RetentionPolicy,
} from './admin-types.ts';
import { AdminHttp, type AdminRequest } from './http.ts';
import { fetchWith } from './transport.ts';

const kind = 'PulsarAdminConfig';

/**
 * The few calls of Pulsar's admin REST API that Pharos needs. Topics may be named as anywhere else, namespaces as
 * `tenant/namespace`. Every call throws AdminError: see `adminErrors`.
 */
export class PulsarAdmin {
  readonly #http: AdminHttp;

  /** @throws AdminError `invalid-url`; PulsarError `InvalidConfiguration` */
  constructor(config: PulsarAdminConfig) {
    const { adminUrl, timeoutMs = 10_000, fetch, ...access } = config;
    refuseUnknown(kind, access, accessOptions, {});
    const alone = accessOptions.every((name) => access[name] === undefined);
    mustHold(kind, fetch === undefined || alone, 'fetch excludes credentials and TLS options');
    this.#http = new AdminHttp(adminUrl, timeoutMs, fetch ?? fetchWith(accessSettings(kind, access)));
  }

  /** With properties from its first moment. @throws AdminError `conflict` where there is one */
  async createPartitionedTopic(topic: string, partitions: number, properties: Properties = {}): Promise<void> {
    await this.#http.text({
      method: 'PUT',
      path: `${pathOf(topic)}/partitions`,
      body: { partitions, properties },
      contentType: 'application/vnd.partitioned-topic-metadata+json',
    });
  }

  /** With properties from its first moment. @throws AdminError `conflict` where there is one */
  async createNonPartitionedTopic(topic: string, properties: Properties = {}): Promise<void> {
    await this.#http.text({ method: 'PUT', path: pathOf(topic), body: properties });
  }

  /** 0 for a plain topic, `undefined` where there is no such topic. */
  async getPartitions(topic: string): Promise<number | undefined> {
    const partitions = await this.#partitionsInMetadata(topic);
    if (partitions > 0) return partitions;
    // Somebody may have made it between the two questions, with partitions.
    return (await this.#exists(topic)) ? this.#partitionsInMetadata(topic) : undefined;
  }

  /** Persistent topics of a namespace, each partition as a topic of its own. */
  async listTopics(namespace: string): Promise<string[]> {
    return textsOf(await this.#get(`persistent/${namespace}`));
  }

  async getProperties(topic: string): Promise<Properties> {
    return stringsOf(await this.#get(`${pathOf(topic)}/properties`));
  }

  /** Adds properties to those that are there, and replaces those of the same names. */
  async updateProperties(topic: string, properties: Properties): Promise<void> {
    await this.#http.text({ method: 'PUT', path: `${pathOf(topic)}/properties`, body: properties });
  }

  /** `undefined`: the broker's default. */
  async getRetention(namespace: string): Promise<RetentionPolicy | undefined> {
    const answer = await this.#get(`namespaces/${namespace}/retention`);
    return answer === undefined || answer === null ? undefined : retentionOf(answer);
  }

  async setRetention(namespace: string, policy: RetentionPolicy): Promise<void> {
    await this.#http.text({ method: 'POST', path: `namespaces/${namespace}/retention`, body: policy });
  }

  /** `undefined`: the broker's default. */
  async getDeduplication(namespace: string): Promise<boolean | undefined> {
    const answer = await this.#get(`namespaces/${namespace}/deduplication`);
    return typeof answer === 'boolean' ? answer : undefined;
  }

  async setDeduplication(namespace: string, enabled: boolean): Promise<void> {
    await this.#http.text({ method: 'POST', path: `namespaces/${namespace}/deduplication`, body: enabled });
  }

  /** What its topics have where they have none of their own; a type that is not there has the broker's default. */
  async getBacklogQuotas(namespace: string): Promise<ReadonlyMap<BacklogQuotaType, BacklogQuota>> {
    return backlogQuotasOf(await this.#get(`namespaces/${namespace}/backlogQuotaMap`));
  }

  /** `undefined`: the broker's default. */
  async isDeletedWhileInactive(namespace: string): Promise<boolean | undefined> {
    const answer = await this.#get(`namespaces/${namespace}/inactiveTopicPolicies`);
    return answer === undefined || answer === null ? undefined : objectOf(answer)['deleteWhileInactive'] === true;
  }

  /** Whether the broker drops repeated messages of this topic, whichever policy says so. */
  async isTopicDeduplicated(topic: string): Promise<boolean> {
    return (await this.#get(`${pathOf(topic)}/deduplicationEnabled?applied=true`)) === true;
  }

  /** What the broker keeps of this topic, whichever policy says so. */
  async getTopicRetention(topic: string): Promise<RetentionPolicy> {
    return retentionOf(await this.#get(`${pathOf(topic)}/retention?applied=true`));
  }

  /** The topic's own policy, as all that are set by `setTopic…`. @throws AdminError `refused` where the broker has none */
  async setTopicRetention(topic: string, policy: RetentionPolicy): Promise<void> {
    await this.#http.text({ method: 'POST', path: `${pathOf(topic)}/retention`, body: policy });
  }

  /** What holds for this topic, whichever policy says so; of each type at most one. */
  async getTopicBacklogQuotas(topic: string): Promise<ReadonlyMap<BacklogQuotaType, BacklogQuota>> {
    return backlogQuotasOf(await this.#get(`${pathOf(topic)}/backlogQuotaMap?applied=true`));
  }

  async setTopicBacklogQuota(topic: string, type: BacklogQuotaType, quota: BacklogQuota): Promise<void> {
    const path = `${pathOf(topic)}/backlogQuota?backlogQuotaType=${type}`;
    await this.#http.text({ method: 'POST', path, body: quota });
  }

  /** Whether the broker deletes this topic when nobody uses it, whichever policy says so. */
  async isTopicDeletedWhileInactive(topic: string): Promise<boolean> {
    return (
      objectOf(await this.#get(`${pathOf(topic)}/inactiveTopicPolicies?applied=true`))['deleteWhileInactive'] === true
    );
  }

  async setTopicInactivity(topic: string, policy: InactiveTopicPolicy): Promise<void> {
    await this.#http.text({ method: 'POST', path: `${pathOf(topic)}/inactiveTopicPolicies`, body: policy });
  }

  async setTopicDeduplication(topic: string, enabled: boolean): Promise<void> {
    await this.#http.text({ method: 'POST', path: `${pathOf(topic)}/deduplicationEnabled`, body: enabled });
  }

  /** The durable ones of a plain topic or one partition. */
  async getSubscriptions(topic: string): Promise<string[]> {
    return textsOf(await this.#get(`${pathOf(topic)}/subscriptions`));
  }

  /** Of a plain topic or one partition. */
  async getStats(topic: string): Promise<Readonly<Record<string, unknown>>> {
    return objectOf(await this.#get(`${pathOf(topic)}/stats`));
  }

  /** Of a plain topic or one partition. */
  async getInternalStats(topic: string): Promise<Readonly<Record<string, unknown>>> {
    return objectOf(await this.#get(`${pathOf(topic)}/internalStats`));
  }

  /** The broker's settings as they are now. */
  async getRuntimeConfiguration(): Promise<Properties> {
    return stringsOf(await this.#get('brokers/configuration/runtime'));
  }

  /** Whether the broker serves; false where it says no or doesn't answer. */
  async isReady(): Promise<boolean> {
    try {
      await this.#http.text({ method: 'GET', path: 'brokers/ready' });
      return true;
    } catch (error) {
      if (error instanceof AdminError) return false;
      throw error;
    }
  }

  /** Has the broker let go of a plain topic or one partition, and serve it anew. */
  async unload(topic: string): Promise<void> {
    await this.#http.text({ method: 'PUT', path: `${pathOf(topic)}/unload` });
  }

  /** @param options `force`: even where somebody is connected. @default false */
  async delete(topic: string, options: { readonly force?: boolean } = {}): Promise<void> {
    const partitioned = (await this.#partitionsInMetadata(topic)) > 0;
    const path = `${pathOf(topic)}${partitioned ? '/partitions' : ''}?force=${options.force ?? false}`;
    await this.#http.text({ method: 'DELETE', path });
  }

  async #partitionsInMetadata(topic: string): Promise<number> {
    try {
      const { partitions } = objectOf(await this.#get(`${pathOf(topic)}/partitions`));
      return numberOf(partitions);
    } catch (error) {
      if (error instanceof AdminError && error.code === 'not-found') return 0;
      throw error;
    }
  }

  /** Its properties are asked for, since brokers answer that what is not there has 0 partitions. */
  async #exists(topic: string): Promise<boolean> {
    try {
      await this.getProperties(topic);
      return true;
    } catch (error) {
      if (error instanceof AdminError && error.code === 'not-found') return false;
      throw error;
    }
  }

  #get(path: string): Promise<unknown> {
    const request: AdminRequest = { method: 'GET', path };
    return this.#http.json(request);
  }
}

/** The topic's path in the API. @throws PulsarError `InvalidTopicName` */
function pathOf(topic: string): string {
  const { domain, tenant, namespace, local } = parseTopicName(topic);
  return [domain, tenant, namespace, local].map(encodeURIComponent).join('/');
}

function objectOf(answer: unknown): Readonly<Record<string, unknown>> {
  if (typeof answer === 'object' && answer !== null) return answer as Readonly<Record<string, unknown>>;
  throw badAnswer('an object', answer);
}

function retentionOf(answer: unknown): RetentionPolicy {
  const { retentionTimeInMinutes, retentionSizeInMB } = objectOf(answer);
  return { retentionTimeInMinutes: numberOf(retentionTimeInMinutes), retentionSizeInMB: numberOf(retentionSizeInMB) };
}

function backlogQuotasOf(answer: unknown): ReadonlyMap<BacklogQuotaType, BacklogQuota> {
  const quotas = Object.entries(objectOf(answer)).map(([type, quota]) => [type, backlogQuotaOf(quota)]);
  return new Map(quotas as [BacklogQuotaType, BacklogQuota][]);
}

function backlogQuotaOf(answer: unknown): BacklogQuota {
  const { limitSize, limitTime, policy } = objectOf(answer);
  return { limitSize: numberOf(limitSize), limitTime: numberOf(limitTime), policy: policy as BacklogQuota['policy'] };
}

function stringsOf(answer: unknown): Properties {
  const pairs = Object.entries(objectOf(answer ?? {}));
  return Object.fromEntries(
    pairs.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

function textsOf(answer: unknown): string[] {
  if (Array.isArray(answer) && answer.every((item) => typeof item === 'string')) return answer;
  throw badAnswer('an array of names', answer);
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  throw badAnswer('a number', value);
}

function badAnswer(expected: string, answer: unknown): AdminError {
  return new AdminError('bad-answer', `the admin API answered ${JSON.stringify(answer)}, expected ${expected}`, 200);
}

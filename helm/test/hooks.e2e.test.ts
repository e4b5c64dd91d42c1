import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { parse } from 'yaml';
import { at, caseFile, leastValues, notes, render, type Rendered, type Values, withoutHelm } from './chart.ts';
import { runJob } from './pods.ts';

describe('what runs beside a release', { skip: withoutHelm }, () => {
  let least: Rendered;
  let production: Rendered;
  let edgeOnly: Rendered;
  let named: Rendered;
  before(async () => {
    least = await render(leastValues);
    production = await render(caseFile('production'));
    edgeOnly = await render(caseFile('edge-only'));
    named = await render(caseFile('statefulset'));
  });

  test('helm test runs the self-test with what it needs, where it can be let in', () => {
    const pod = at(production.get('Pod', '-selftest'), 'spec');
    assert.deepEqual(at(pod, 'containers.0.args'), [
      ...['selftest', '--config', '/etc/pharos/config/pharos.yaml'],
      ...['--url', 'wss://test-pharos-edge:443/connection/websocket'],
      ...['--api-url', 'http://test-pharos-api:80/api', '--insecure', '--channel', 'selftest', '--timeout', '15'],
    ]);
    assert.deepEqual(
      (at(pod, 'containers.0.env') as { name: string }[]).map(({ name }) => name),
      ['PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY_FILE', 'PHAROS_HTTP_API_KEYS_FILE'],
    );
    const policy = at(production.get('Pod', '-selftest'), 'metadata.annotations', 'helm.sh/hook-delete-policy');
    assert.equal(at(production.get('Pod', '-selftest'), 'metadata.annotations', 'helm.sh/hook'), 'test');
    assert.equal(policy, 'before-hook-creation', '`helm test --logs` reads the log of a pod that has succeeded');
    const from = at(production.get('NetworkPolicy', '-edge'), 'spec.ingress.0.from') as unknown[];
    assert.equal(at(from.at(-1), 'podSelector.matchLabels', 'app.kubernetes.io/component'), 'selftest');
    // It reads settings as a process that is everything, whose channels have recovery by default.
    const { without_namespace: open, namespaces } = at(parse(production.config('selftest')), 'channel') as Values & {
      readonly namespaces: readonly Values[];
    };
    assert.deepEqual([open, namespaces[0]?.['allow_recovery']], [{ allow_recovery: false }, true]);
    assert(!(at(edgeOnly.get('Pod', '-selftest'), 'spec.containers.0.args') as string[]).includes('--api-url'));
  });

  test('where the self-test could not pass there is none, and the notes say why', async () => {
    const open = { client: { allow_anonymous_connect_without_token: true } };
    const may = (...options: string[]): Values => ({
      ...open,
      channel: { without_namespace: Object.fromEntries(options.map((option) => [`allow_${option}`, true])) },
    });
    const signing = { settingsFrom: { 'client.token.hmac_secret_key': { existingSecret: 'pharos', key: 'hmac' } } };
    const ofTheirOwn = { client: { subscription_token: { enabled: true } } };
    // The API's key is one that the test can't be given.
    const keyless: Values = { config: leastValues['config'], api: { extraEnv: [{ name: 'PHAROS_HTTP_API_KEY' }] } };
    const subscribe = 'subscribe_for_anonymous';
    const impossible: readonly (readonly [reason: RegExp, ...values: readonly Values[]])[] = [
      [/hmac_secret_key isn't in settingsFrom, and nobody may connect without a token\.$/, leastValues],
      [/nobody may subscribe to selftest .*: allow_subscribe_for_anonymous/, leastValues, { config: open }],
      [/no key of the server API .*: allow_publish_for_anonymous/, keyless, { config: may(subscribe) }],
      [/no key of the server API .*: allow_publish_for_client/, keyless, signing],
      [/no namespace for the channel news:a/, leastValues, signing, { tests: { channel: 'news:a' } }],
      [/subscription_token\.hmac_secret_key isn't/, leastValues, signing, { config: ofTheirOwn }],
    ];
    for (const [reason, ...values] of impossible) {
      const rendered = await render(...values);
      for (const kind of ['Pod', 'ConfigMap', 'NetworkPolicy'])
        assert.equal(rendered.find(kind, '-selftest'), undefined, `${reason}`);
      const [line = ''] = /^`helm test` has nothing to run: .*$/m.exec(await notes(...values)) ?? [];
      assert.match(line, reason);
    }
    for (const values of [
      [leastValues, signing],
      [leastValues, signing, { config: { channel: { namespaces: [{ name: 'news' }] } }, tests: { channel: 'news:a' } }],
      [leastValues, { config: may(subscribe) }],
      [keyless, { config: may(subscribe, 'publish_for_anonymous') }],
      [keyless, signing, { config: may('publish_for_client') }],
    ]) {
      assert((await render(...values)).find('Pod', '-selftest') !== undefined, JSON.stringify(values));
      assert.doesNotMatch(await notes(...values), /nothing to run/);
    }
  });

  test('a hook makes the topics before anything else, let in by Pulsar and by nobody else', () => {
    const job = production.get('Job', '-provision');
    const pod = at(job, 'spec.template.spec');
    assert.deepEqual(at(pod, 'containers.0.args'), [
      ...['provision', '--config', '/etc/pharos/config/pharos.yaml', '--strict'],
    ]);
    const env = (at(pod, 'containers.0.env') as { name: string }[]).map(({ name }) => name);
    assert.deepEqual(env, ['PHAROS_PULSAR_AUTH_TOKEN_FILE', 'PHAROS_PULSAR_TLS_CA_FILE']);
    const config = production.get('ConfigMap', '-provision');
    // What it makes topics by; the rest goes with secrets that it doesn't have.
    assert.deepEqual(Object.keys(parse(production.config('provision')) as object).sort(), ['channel', 'pulsar']);
    for (const object of [job, config])
      assert.equal(at(object, 'metadata.annotations', 'helm.sh/hook'), 'pre-install,pre-upgrade');
    const weight = (object: unknown): number => Number(at(object, 'metadata.annotations', 'helm.sh/hook-weight'));
    assert(weight(config) < weight(job));
    assert.equal(at(pod, 'serviceAccountName'), 'default');
    assert.equal(least.ofKind('Job').length, 0);
  });

  test('hooks have nothing of proxies, nor the secrets that those are asked with', () => {
    assert(named.env('edge').has('PHAROS_PROXIES_FILE') && named.config('edge').includes('_proxy_'));
    for (const hook of ['provision', 'selftest']) {
      assert.doesNotMatch(named.config(hook), /proxy/, hook);
      assert.match(named.config(hook), /name: shop/, hook);
    }
    const env = at(named.get('Job', '-provision'), 'spec.template.spec.containers.0.env') as { name: string }[];
    assert.deepEqual(
      env.map(({ name }) => name),
      ['PHAROS_PULSAR_AUTH_PASSWORD_FILE'],
    );
  });

  test('the job as it is rendered reads its configuration and secret, and tells of every topic', {
    skip: unavailable('pulsar'),
  }, async (context) => {
    const { serviceUrl, adminUrl } = await sharedPulsar();
    const [log, control, orders] = [uniqueTopic('job'), uniqueTopic('control'), uniqueTopic('orders')];
    // The case has secrets of an edge and backends by name, none of which the job has; this Pulsar takes every password.
    const rendered = await render(caseFile('statefulset'), {
      config: {
        pulsar: { url: serviceUrl, admin_url: adminUrl },
        control: { topic: control },
        commands: { topic: orders },
        channel: {
          namespaces: [{ name: 'shop', log, lanes: 2, join_leave: true, history_size: 9, history_ttl: '3h' }],
        },
      },
    });
    const folder = mkdtempSync(join(tmpdir(), 'pharos-job-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const run = (secrets: Readonly<Record<string, string>>): ReturnType<typeof runJob> =>
      runJob(rendered, 'provision', folder, secrets, '--dry-run');
    const without = await run({});
    assert.equal(without.status, 1);
    assert.match(without.err, /pulsar\.auth\.password/);
    const { status, out, err } = await run({ 'pulsar.auth.password': 'secret\n' });
    assert.equal(status, 0, err);
    const lines = out.split('\n');
    const topics = lines.filter((line) => !line.startsWith(' '));
    for (const [topic, lanes] of [
      [log, '2 lanes'],
      [`${log}-lifecycle`, '2 lanes'],
      [control, '1 lane'],
      [`${control}-nodes`, '1 lane'],
      [`${control}-revocations`, '1 lane'],
      [`${control}-inbox`, '8 lanes'],
      [orders, '1 lane'],
      [`${orders}-dead-letter`, '1 lane'],
    ])
      assert(topics.includes(`${topic}: would be made, ${lanes}`), `${topic}:\n${out}`);
    for (const subscription of ['pharos-history', 'pharos-commands'])
      assert(lines.includes(`  would set: the subscription ${subscription}, it has none`), out);
  });

  test('the job has the commands of the server API, wherever that has them from', async () => {
    const provision = { enabled: true };
    const own = await render(leastValues, {
      provision,
      api: {
        config: { commands: { topic: 'orders', dead_letter_ttl: '36h' } },
        extraEnv: [
          { name: 'PHAROS_COMMANDS_SUBSCRIPTION', value: 'of-orders' },
          { name: 'PHAROS_LOG_LEVEL', value: 'debug' },
        ],
      },
    });
    const { commands } = parse(own.config('provision')) as { commands: unknown };
    assert.deepEqual(commands, { topic: 'orders', dead_letter_ttl: '36h' });
    assert.doesNotMatch(own.config('edge'), /commands/);
    const env = at(own.get('Job', '-provision'), 'spec.template.spec.containers.0.env');
    assert.deepEqual(env, [{ name: 'PHAROS_COMMANDS_SUBSCRIPTION', value: 'of-orders' }]);
    const shared = { config: { commands: { topic: 'orders' } }, provision };
    assert.match((await render(leastValues, shared)).config('provision'), /topic: orders/);
    const edgeAlone = await render(leastValues, { ...shared, api: { enabled: false } });
    assert.doesNotMatch(edgeAlone.config('provision'), /orders/);
  });

  test('every pod has a policy, one way and the other, and a hook before it runs', async () => {
    const trial = await render(caseFile('trial'));
    for (const rendered of [least, production, named, trial]) {
      const policies = rendered.ofKind('NetworkPolicy').map((object) => at(object, 'spec'));
      for (const { component, labels } of rendered.podTemplates()) {
        const own = policies.filter((policy) => {
          const wanted = at(policy, 'podSelector.matchLabels') as Record<string, string>;
          return Object.entries(wanted).every(([key, value]) => labels[key] === value);
        });
        const ways = component.startsWith('trial-') ? ['Ingress'] : ['Ingress', 'Egress'];
        assert.deepEqual(
          own.map((policy) => at(policy, 'policyTypes')),
          [ways],
          component,
        );
      }
    }
    const policy = production.get('NetworkPolicy', '-provision');
    const config = production.get('ConfigMap', '-provision');
    assert.deepEqual(at(policy, 'metadata.annotations'), at(config, 'metadata.annotations'));
    assert.equal(at(production.get('NetworkPolicy', '-selftest'), 'metadata.annotations', 'helm.sh/hook'), undefined);
  });

  test('a hook is let out to what it asks', async () => {
    const egress = (of: Rendered, name: string): { ports: { port: number }[]; to?: unknown }[] =>
      (at(of.get('NetworkPolicy', name), 'spec.egress') as { ports: { port: number }[]; to?: unknown }[]).slice(1);
    const [pulsar, ...others] = egress(production, '-provision');
    assert.deepEqual(
      pulsar?.ports.map(({ port }) => port),
      [6650, 6651, 8080, 8443, 16_651, 18_443],
    );
    const namespace = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'pulsar' } } };
    assert.deepEqual([pulsar.to, others], [[namespace], []]);
    const asked = (of: Rendered): unknown[] =>
      egress(of, '-selftest').map(({ ports, to }) => [
        ports[0]?.port,
        at(to, '0.podSelector.matchLabels', 'app.kubernetes.io/component'),
      ]);
    assert.deepEqual(asked(production), [
      [8000, 'edge'],
      [8000, 'api'],
    ]);
    const own = await render(caseFile('edge-only'), { edge: { port: 8080 }, networkPolicy: { enabled: true } });
    assert.deepEqual(asked(own), [[8080, 'edge']]);
    assert.equal(edgeOnly.find('NetworkPolicy', '-selftest'), undefined);
  });
});

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { at, caseFile, leastValues, render, type Rendered, withoutHelm } from './chart.ts';

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
    assert.equal(at(from[1], 'podSelector.matchLabels', 'app.kubernetes.io/component'), 'selftest');
    // No secret to sign with, and nobody may connect without a token.
    assert.equal(least.find('Pod', '-selftest'), undefined);
    assert(!(at(edgeOnly.get('Pod', '-selftest'), 'spec.containers.0.args') as string[]).includes('--api-url'));
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
});

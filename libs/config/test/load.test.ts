import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PharosError } from '@pharos/errors';
import { ConfigError, configErrorTable, loadConfig, secret, z } from '../src/index.ts';
import { load, problemsOf, withFile } from './sample.ts';

const PULSAR = 'pulsar:\n  url: pulsar://localhost:6650\n';

describe('what loads', () => {
  test('defaults, the file and the environment, the environment winning', () => {
    const config = load(`${PULSAR}  max_pending: 20\nping_interval: 30s\nmax_frame: 1MiB\n`, {
      PHAROS_PULSAR_ADMIN_URL: 'http://localhost:8080',
      PHAROS_PULSAR_MAX_PENDING: '30',
      PHAROS_LISTEN: '[::1]:80',
    });
    assert.deepEqual(config.pulsar, {
      url: 'pulsar://localhost:6650',
      admin_url: 'http://localhost:8080',
      max_pending: 30,
    });
    assert.deepEqual(config.listen, { host: '::1', port: 80 });
    assert.equal(config.ping_interval, 30_000);
    assert.equal(config.max_frame, 1_048_576);
    assert.equal(config.log_level, 'info');
    assert.deepEqual(config.auth, {});
  });

  test('each kind of text in the environment', () => {
    const config = load(undefined, {
      PHAROS_PULSAR_URL: 'pulsar+ssl://host:6651',
      PHAROS_ALLOWED_ORIGINS: 'https://a.example, https://b.example',
      PHAROS_WEIGHTS: '1,2.5',
      PHAROS_COMPRESS: '1',
      PHAROS_PING_INTERVAL: '1m',
      PHAROS_MAX_FRAME: '8KiB',
      PHAROS_AUTH_ISSUERS: '["a,b"]',
      PHAROS_NAMESPACES: '{"news":{"history_ttl":"5m"}}',
    });
    assert.deepEqual(config.allowed_origins, ['https://a.example', 'https://b.example']);
    assert.deepEqual(config.weights, [1, 2.5]);
    assert.equal(config.compress, true);
    assert.equal(config.ping_interval, 60_000);
    assert.equal(config.max_frame, 8192);
    assert.deepEqual(config.auth.issuers, ['a,b']);
    assert.deepEqual(config.namespaces, { news: { history_ttl: 300_000, limits: { size: 5 } } });
  });

  test('an empty section, an empty file and an empty variable count as nothing', () => {
    const env = { PHAROS_PULSAR_URL: 'pulsar://a', PHAROS_LOG_LEVEL: '' };
    assert.equal(load('pulsar:\nauth:\nnamespaces:\n', env).pulsar.url, 'pulsar://a');
    assert.equal(load('', env).log_level, 'info');
    assert.equal(load('# nothing\n', env).pulsar.max_pending, 10);
  });

  test('reserved variables, those of tests and Kubernetes service links are left alone', () => {
    const env = {
      PHAROS_CONFIG: 'x',
      PHAROS_TEST_PULSAR_URL: 'x',
      PHAROS_SOCKET: 'ws',
      PHAROS_DEV_X: '1',
      PHAROS_EDGE_SERVICE_HOST: '10.0.0.1',
      PHAROS_EDGE_SERVICE_PORT_HTTP: '80',
      PHAROS_EDGE_PORT: 'tcp://10.0.0.1:80',
      PHAROS_EDGE_PORT_80_TCP_ADDR: '10.0.0.1',
      PHAROSX: 'not ours',
    };
    assert.ok(load(PULSAR, env, ['PHAROS_SOCKET', 'PHAROS_DEV_*']));
  });

  test('an optional section stays absent until something in it is set', () => {
    const schema = z.object({ tls: z.object({ cert: z.string(), key: z.string() }).optional() });
    assert.deepEqual(loadConfig(schema, { env: {} }), {});
    assert.deepEqual(loadConfig(schema, { env: { PHAROS_TLS_CERT: 'c', PHAROS_TLS_KEY: 'k' } }), {
      tls: { cert: 'c', key: 'k' },
    });
    assert.throws(
      () => loadConfig(schema, { env: { PHAROS_TLS_CERT: 'c' } }),
      /tls\.key: is missing, expected a text; set it in the configuration file or by PHAROS_TLS_KEY/,
    );
  });
});

describe('secrets in files', () => {
  test('the variable with _FILE names one; lists and maps that hold secrets are read as from their variable', () => {
    const config = withFile('s3cret\n', (secretFile) =>
      withFile('["a,b"]', (listFile) =>
        load(PULSAR, { PHAROS_AUTH_TOKEN_SECRET_FILE: secretFile, PHAROS_AUTH_ISSUERS_FILE: listFile }),
      ),
    );
    assert.deepEqual(config.auth, { token_secret: 's3cret', issuers: ['a,b'] });
  });

  test('a file that is missing, empty, not wanted, or beside the variable itself', () => {
    const problems = withFile('\n', (empty) =>
      problemsOf(PULSAR, {
        PHAROS_AUTH_TOKEN_SECRET_FILE: '/nowhere/secret',
        PHAROS_AUTH_ISSUERS_FILE: empty,
        PHAROS_NAMESPACES: '{}',
        PHAROS_NAMESPACES_FILE: empty,
        PHAROS_PULSAR_URL_FILE: empty,
      }).map((problem) => problem.replace(empty, '<file>')),
    );
    assert.deepEqual(problems, [
      'auth.token_secret: /nowhere/secret cannot be read (there is no such file) (PHAROS_AUTH_TOKEN_SECRET_FILE)',
      'auth.issuers: <file> is empty, expected a list (PHAROS_AUTH_ISSUERS_FILE)',
      'namespaces: is given twice, expected one of PHAROS_NAMESPACES and PHAROS_NAMESPACES_FILE (PHAROS_NAMESPACES)',
      'PHAROS_PULSAR_URL_FILE: no such setting; did you mean PHAROS_PULSAR_URL?',
    ]);
  });

  test('a setting of that name is that setting', () => {
    const schema = z.object({ token: secret().optional(), token_file: z.string().optional() });
    assert.deepEqual(loadConfig(schema, { env: { PHAROS_TOKEN_FILE: '/f' } }), { token_file: '/f' });
  });
});

describe('what is refused', () => {
  test('every mistake at once, each with path, what was found, what is expected and where', () => {
    const yaml = `pulsar:
  url: http://localhost
  max_pending: 200
  admin_ur: http://x
ping_interval: 25
listen: 9001
allowed_origins: a
namespaces:
  News: {}
  chat:
    history_ttl: soon
    limits: { sise: 3 }
`;
    assert.deepEqual(problemsOf(yaml, { PHAROS_COMPRESS: 'maybe', PHAROS_LOG_LEVL: 'info' }).sort(), [
      'PHAROS_LOG_LEVL: no such setting; did you mean PHAROS_LOG_LEVEL?',
      'allowed_origins: found "a", expected a list (pharos.yaml:7)',
      'compress: found "maybe", expected true or false (PHAROS_COMPRESS)',
      'listen: found 9001, expected host:port such as 127.0.0.1:9001 or [::1]:9001 (pharos.yaml:6)',
      'namespaces.News: not a name that can be used here, expected a name of small letters (pharos.yaml:9)',
      'namespaces.chat.history_ttl: found "soon", expected a duration such as 500ms, 25s or 1h30m (pharos.yaml:11)',
      'namespaces.chat.limits.sise: no such setting; did you mean size? (pharos.yaml:12)',
      'ping_interval: found 25, expected a duration such as 500ms, 25s or 1h30m, at least 1s (pharos.yaml:5)',
      'pulsar.admin_ur: no such setting; did you mean admin_url? (pharos.yaml:4)',
      'pulsar.max_pending: found 200, expected a whole number, at least 1 and at most 100 (pharos.yaml:3)',
      'pulsar.url: found "http://localhost", expected a URL that starts with pulsar:// or pulsar+ssl:// (pharos.yaml:2)',
    ]);
  });

  test('what is missing, with the ways to set it', () => {
    assert.deepEqual(problemsOf('listen: 127.0.0.1:1\n'), [
      'pulsar.url: is missing, expected a URL that starts with pulsar:// or pulsar+ssl://; set it in pharos.yaml or by PHAROS_PULSAR_URL',
    ]);
  });

  test('a number, a list element and a map in the environment that are none', () => {
    const env = { PHAROS_PULSAR_MAX_PENDING: '12x', PHAROS_WEIGHTS: '1,two', PHAROS_NAMESPACES: '{chat' };
    assert.deepEqual(problemsOf(PULSAR, env).sort(), [
      'namespaces: found a text that is not JSON, expected a map written as JSON (PHAROS_NAMESPACES)',
      'pulsar.max_pending: found "12x", expected a whole number, at least 1 and at most 100 (PHAROS_PULSAR_MAX_PENDING)',
      'weights[1]: found "two", expected a number (PHAROS_WEIGHTS)',
    ]);
  });

  test('a scalar where a section belongs, also when the environment sets something inside', () => {
    const expected = ['pulsar: found "x", expected a map (pharos.yaml:1)'];
    assert.deepEqual(problemsOf('pulsar: x\n', { PHAROS_PULSAR_MAX_PENDING: '3' }), expected);
  });

  test('broken YAML, by line and column and without its text', () => {
    const [problem, ...others] = problemsOf('pulsar:\n  url: "hunter2\n');
    assert.match(problem ?? '', /^pharos\.yaml:\d+: not valid YAML at column \d+, expected a closing quote/);
    assert.deepEqual(others, []);
    assert.match(problemsOf('a: 1\na: 2\n').join(), /pharos\.yaml:2: .*each key once/);
    assert.match(problemsOf('a: *hunter2\n').join(), /alias/);
    assert.match(problemsOf('- a\n').join(), /found a list, expected a map of settings/);
  });

  test('a file that is not there, with its path', () => {
    assert.throws(() => loadConfig(z.object({}), { file: 'nowhere/pharos.yaml', env: {} }), {
      message: /nowhere\/pharos\.yaml: cannot be read \(there is no such file\), expected a YAML file/,
    });
  });

  test('keys that would reach a prototype', () => {
    assert.match(problemsOf(`${PULSAR}__proto__: { polluted: 1 }\n`).join(), /no such setting/);
    assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
  });

  test('a schema with two settings for one variable', () => {
    const schema = z.object({ a_b: z.string(), a: z.object({ b: z.string() }) });
    assert.throws(() => loadConfig(schema, { env: {} }), {
      code: 'invalid-schema',
      message: /share the variable PHAROS_A_B/,
    });
  });

  test('the error is a PharosError with a documented code, not retryable', () => {
    const error = new ConfigError('invalid-config', ['x']);
    assert.ok(error instanceof PharosError);
    assert.equal(error.retryable, false);
    assert.ok(configErrorTable[error.code]?.description);
  });
});

describe('secrets', () => {
  const SECRET = 'hunter2-hunter2';

  test('no message shows one, wherever the mistake is', () => {
    const cases: [string, Record<string, string>][] = [
      [`${PULSAR}auth: ${SECRET}\n`, {}],
      [`${PULSAR}auth:\n  token_secret: [${SECRET}]\n`, {}],
      [`${PULSAR}auth:\n  issuers: ${SECRET}\n`, {}],
      [`${PULSAR}auth:\n  token_secrt: ${SECRET}\n`, {}],
      [`${PULSAR}namespaces: ${SECRET}\n`, {}],
      [`${PULSAR}namespaces:\n  chat: ${SECRET}\n`, {}],
      [`${PULSAR}auth:\n  token_secret: *${SECRET}\n`, {}],
      [PULSAR, { PHAROS_NAMESPACES: `{"chat":{"key":"${SECRET}"` }],
      [PULSAR, { PHAROS_AUTH_TOKEN_SECRT: SECRET }],
      [`pulsar:\n  url: http://user:${SECRET}@host\n`, {}],
    ];
    for (const [yaml, env] of cases) {
      const problems = problemsOf(yaml, env).join('\n');
      assert.ok(problems.length > 0 && !problems.includes(SECRET), problems);
    }
  });

  test('a wrong value outside is shown, so that the case above can fail', () => {
    assert.ok(problemsOf(`${PULSAR}log_level: ${SECRET}\n`).join().includes(SECRET));
  });
});

test('a value in a file with aliases is found on its line', () => {
  const yaml = `${PULSAR}namespaces:\n  a: &base\n    history_ttl: never\n  b: *base\n`;
  const problems = problemsOf(yaml);
  assert.equal(problems.length, 2);
  assert.match(problems[0] ?? '', /pharos\.yaml:5/);
  assert.match(problems[1] ?? '', /pharos\.yaml:6/);
});

test('a file may be named through any directory', () => {
  withFile(PULSAR, (file) => assert.match(file, /pharos\.yaml$/));
});

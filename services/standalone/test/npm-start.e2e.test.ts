import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { freePort, type ServiceProcess } from '@pharos/testkit';
import { connectSdk, connectText, type TextClient } from './support/clients.ts';
import { type Environment, start } from './support/processes.ts';

const runs = /Pharos runs at/;

/** What `npm start` runs. */
function script(env: Environment, readyPattern?: RegExp): Promise<ServiceProcess> {
  return start(process.execPath, ['deploy/local/start.mjs'], env, readyPattern);
}

function npmStart(env: Environment): Promise<ServiceProcess> {
  return start('npm', ['start'], env, runs);
}

/** A server on a free port of its own, ended with the test. */
async function served(
  context: TestContext,
  run: typeof npmStart = (env) => script(env, runs),
): Promise<{ server: ServiceProcess; port: number; env: Environment; url: string }> {
  const port = await freePort();
  const env = { PHAROS_LISTEN: `127.0.0.1:${port}`, PHAROS_INTERNAL_LISTEN: `127.0.0.1:${await freePort()}` };
  const server = await run(env);
  context.after(() => server.kill());
  return { server, port, env, url: `ws://127.0.0.1:${port}/` };
}

/** Both say something, and both hear both, in one order. */
async function chat(one: TextClient, two: TextClient): Promise<void> {
  const heard = async (line: string): Promise<void> => {
    await Promise.all([one, two].map(({ lines }) => lines.waitFor((came) => came === line, line)));
  };
  one.send('good morning');
  await heard(`[${one.id}] good morning`);
  two.send('good evening');
  await heard(`[${two.id}] good evening`);
  assert.deepEqual(one.lines.items.slice(-2), two.lines.items.slice(-2));
}

describe('npm start', { timeout: 300_000 }, () => {
  test('on the embedded bus, two plain WebSockets chat and a browser gets the page', async (context) => {
    const { server, port, url } = await served(context);
    await chat(await connectText('one', url), await connectText('two', url));
    const page = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    assert.match(await page.text(), /<title>[^<]*Pharos/);
    assert.equal((await server.stop()).code, 0);
  });

  test('a port in use is named in one line, with status 1', async (context) => {
    const { port, env } = await served(context);
    const second = await script(env);
    assert.equal((await second.exited).code, 1);
    assert.equal(second.stderr.lines.length, 1, second.stderr.tail());
    assert.match(second.stderr.lines[0] ?? '', new RegExp(`127\\.0\\.0\\.1:${port} is in use.*PHAROS_LISTEN=`));
  });

  test('an argument is refused, with what is meant instead', async () => {
    const server = await start(process.execPath, ['deploy/local/start.mjs', '--port', '9002'], {});
    assert.equal((await server.exited).code, 1);
    assert.match(server.stderr.tail(), /'--port'.*PHAROS_LISTEN=/);
  });

  test('every wrong setting is named, with what was meant, and status 1', async () => {
    const server = await script({ PHAROS_LISTN: '127.0.0.1:1', PHAROS_CLIENT_PING_INTERVAL: 'soon' });
    assert.equal((await server.exited).code, 1);
    const said = server.stderr.lines.join('\n');
    assert.match(said, /PHAROS_LISTN\b.*PHAROS_LISTEN\b/);
    assert.match(said, /client\.ping_interval.*soon.*PHAROS_CLIENT_PING_INTERVAL/);
  });

  const starts = [
    { name: 'the script', run: (env: Environment) => script(env, runs) },
    { name: 'npm', run: npmStart },
  ];
  for (const { name, run } of starts) {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      test(`${signal} to ${name} drains: clients are told, then the process ends`, async (context) => {
        const { server, port, url } = await served(context, run);
        const text = await connectText('text', url);
        const sdk = await connectSdk('sdk', `${url}connection/websocket`, 'chat');
        server.signal(signal);
        assert.deepEqual(await text.closed.promise, { code: 1001, reason: 'shutdown' });
        assert.equal((await sdk.closed.promise).code, 3001);
        await server.waitForLine(/"drained"/);
        assert.deepEqual(await server.exited, { code: 0, signal: null }, server.stdout.tail());
        await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
      });
    }
  }

  test('starts on the same port at once, with clients connected to the one before', async (context) => {
    const { server, env, url } = await served(context);
    const before = await connectText('before', url);
    server.signal('SIGTERM');
    await server.exited;
    const next = await script(env, runs);
    context.after(() => next.kill());
    assert.equal(before.close?.code, 1001);
    await chat(await connectText('after', url), await connectText('another', url));

    // Killed, it says goodbye to nobody, and its port is free at once too.
    const cut = await connectText('cut', url);
    await next.kill();
    assert.equal((await cut.closed.promise).code, 1006);
    const last = await script(env, runs);
    context.after(() => last.kill());
    const client = await connectText('last', url);
    client.socket.close();
    await once(client.socket, 'close');
    assert.equal((await last.stop()).code, 0);
  });
});

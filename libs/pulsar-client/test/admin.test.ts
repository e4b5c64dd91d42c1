// The admin client before an API that answers as a test says; what a real one answers is in admin.pulsar.test.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { AdminError } from '../src/admin/admin-error.ts';
import { PulsarAdmin } from '../src/admin/admin.ts';

async function startApi(t: TestContext, listener: RequestListener, timeoutMs = 30_000): Promise<PulsarAdmin> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new PulsarAdmin({ adminUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, timeoutMs });
}

function answering(t: TestContext, status: number, body: string): Promise<PulsarAdmin> {
  return startApi(t, (_request, response) => response.writeHead(status).end(body));
}

function adminError(code: string, text: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof AdminError && error.code === code && text.test(error.message);
}

describe('admin API', () => {
  test('statuses become codes, with the reason that Pulsar gives', async (t) => {
    for (const [status, code] of [
      [401, 'refused'],
      [403, 'refused'],
      [404, 'not-found'],
      [405, 'refused'],
      [409, 'conflict'],
      [412, 'conflict'],
      [500, 'failed'],
    ] as const) {
      const admin = await answering(t, status, '{"reason":"because of it"}');
      await assert.rejects(admin.getProperties('chat'), (error) => {
        assert.ok(adminError(code, /^GET http.*chat\/properties: \d+ because of it$/)(error), String(error));
        assert.equal((error as AdminError).status, status);
        assert.equal((error as AdminError).retryable, status === 500);
        return true;
      });
    }
  });

  test('a page of a web server is not shown as a reason', async (t) => {
    const admin = await answering(t, 502, '<html>Bad gateway</html>');
    await assert.rejects(admin.getProperties('chat'), adminError('failed', /: 502$/));
  });

  test('answers that are not what they should be are said to be so', async (t) => {
    const page = await answering(t, 200, '<html>hello</html>');
    await assert.rejects(page.getProperties('chat'), adminError('bad-answer', /is not JSON/));
    const list = await answering(t, 200, '"x"');
    await assert.rejects(
      list.listTopics('public/default'),
      adminError('bad-answer', /"x", expected an array of names/),
    );
    await assert.rejects(list.getStats('chat'), adminError('bad-answer', /expected an object/));
    await assert.rejects(list.getPartitions('chat'), adminError('bad-answer', /expected an object/));
  });

  test('a topic that somebody makes with partitions while it is asked about is not taken for a plain one', async (t) => {
    let questions = 0;
    const admin = await startApi(t, ({ url }, response) => {
      const isThere = questions++ > 0;
      const body = url?.endsWith('/properties') === true ? '{}' : `{"partitions":${isThere ? 4 : 0}}`;
      response.writeHead(200).end(body);
    });
    assert.equal(await admin.getPartitions('chat'), 4);
  });

  test('silence ends with the deadline, and nobody there is said at once', async (t) => {
    const silent = await startApi(t, () => undefined, 50);
    await assert.rejects(silent.getProperties('chat'), adminError('timeout', /no answer within 50 ms/));
    assert.equal(await silent.isReady(), false);
    const halfAnswer = await startApi(t, (_request, response) => response.writeHead(200).write('{'), 50);
    await assert.rejects(halfAnswer.getProperties('chat'), adminError('timeout', /no answer within 50 ms/));
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const nobody = new PulsarAdmin({ adminUrl: `http://127.0.0.1:${port}` });
    await assert.rejects(nobody.getProperties('chat'), adminError('unreachable', /ECONNREFUSED/));
  });

  test('an answer without end is not read to its end', async (t) => {
    const block = Buffer.alloc(1024 * 1024, 0x20);
    // 16 MiB take their time on a machine that is busy with other tests.
    const endless = await startApi(
      t,
      (_request, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(block));
        };
        response.on('drain', more);
        more();
      },
      60_000,
    );
    await assert.rejects(endless.getProperties('chat'), adminError('bad-answer', /at most 16777216 bytes are taken/));
  });

  test('a URL that is none is refused', () => {
    for (const adminUrl of ['', 'localhost:8080', 'pulsar://localhost:6650', 'http://', 'http://a:8080,']) {
      assert.throws(
        () => new PulsarAdmin({ adminUrl }),
        adminError('invalid-url', /expected http:\/\/host:port/),
        adminUrl,
      );
    }
  });

  test('a topic is made with its properties in the same request', async (t) => {
    const requests: string[] = [];
    const admin = await startApi(t, (request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        requests.push(`${request.method} ${request.url} ${request.headers['content-type']} ${body}`);
        response.writeHead(204).end();
      });
    });
    await admin.createNonPartitionedTopic('a b/ns/chat room', { key: 'wért' });
    await admin.createPartitionedTopic('chat', 3, { key: 'v' });
    assert.deepEqual(requests, [
      'PUT /admin/v2/persistent/a%20b/ns/chat%20room application/json {"key":"wért"}',
      'PUT /admin/v2/persistent/public/default/chat/partitions application/vnd.partitioned-topic-metadata+json ' +
        '{"partitions":3,"properties":{"key":"v"}}',
    ]);
  });

  test('a fetch of the caller is used where it is given', async () => {
    const asked: string[] = [];
    const fetch = (url: string): Promise<Response> => {
      asked.push(url);
      return Promise.resolve(new Response('{"a":"b"}'));
    };
    const admin = new PulsarAdmin({ adminUrl: 'http://host:8080', fetch });
    assert.deepEqual(await admin.getProperties('chat'), { a: 'b' });
    assert.deepEqual(asked, ['http://host:8080/admin/v2/persistent/public/default/chat/properties']);
  });
});

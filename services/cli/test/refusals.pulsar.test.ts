import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { freePort, sharedPulsar, spawnService, unavailable, uniqueTopic } from '@pharos/testkit';
import { PHAROS, pharos, run } from './pharos.ts';

describe('what the command refuses', { skip: unavailable('pulsar') }, () => {
  test("a producer's name that is in use, until it is free", async () => {
    const { serviceUrl } = await sharedPulsar();
    const topic = uniqueTopic('busy');
    const to = ['produce', '--url', serviceUrl, '--topic', topic];
    const first = await pharos(to);
    await first.write('a\n');
    await first.stderr.waitFor(/^1 lines acknowledged/);
    const second = await run(to, { input: 'b\n' });
    assert.equal(second.code, 1);
    assert.match(
      second.err,
      new RegExp(`^pharos: another producer named pharos-producer-1 is connected to ${topic}; choose another name`),
    );
    assert.equal((await run([...to, '--name', 'other'], { input: 'b\n' })).code, 0);
    first.endInput();
    assert.deepEqual((await first.exited).code, 0);
    assert.equal((await run(to, { input: 'c\n' })).code, 0);
  });

  test('a subscription that another consumer has for itself', async () => {
    const { serviceUrl } = await sharedPulsar();
    const to = ['--url', serviceUrl, '--topic', uniqueTopic('exclusive')];
    await run(['produce', ...to], { input: 'a\n' });
    const first = await pharos(['consume', ...to, '--from', 'earliest']);
    await first.waitForLine(/^Received message: a$/);
    const second = await run(['consume', ...to]);
    assert.equal(second.code, 1);
    assert.match(second.err, /^pharos: subscription pharos-consumer of .* is in use by another consumer/);
    assert.equal((await first.stop()).code, 0);
  });

  test('a reader of the output that goes away ends it quietly', async () => {
    const { serviceUrl } = await sharedPulsar();
    const to = ['--url', serviceUrl, '--topic', uniqueTopic('head')];
    await run(['produce', ...to], { input: 'x\n'.repeat(5000) });
    const script = 'set -o pipefail; "$@" | head -n 2';
    const args = [...PHAROS, 'consume', ...to, '--from', 'earliest'];
    const piped = await spawnService('bash', ['-c', script, 'bash', ...args]);
    const { code } = await piped.exited;
    assert.equal(code, 0, piped.stderr.tail());
    assert.equal(piped.stdout.count, 2);
    assert.equal(piped.stderr.count, 0, piped.stderr.tail());
  });

  test('a URL where nothing answers, or something that is not Pulsar', async () => {
    const silent = `pulsar://127.0.0.1:${await freePort()}`;
    const nobody = await run(['produce', '--url', silent], { input: 'a\n' });
    assert.equal(nobody.code, 1);
    assert.match(nobody.err, /^pharos: waiting for /m);
    assert.ok(nobody.err.includes(silent.slice('pulsar://'.length)), nobody.err);

    const web = createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const address = web.address();
    assert.ok(typeof address === 'object' && address !== null);
    const wrong = await run(['consume', '--url', `pulsar://127.0.0.1:${address.port}`]);
    web.close();
    assert.equal(wrong.code, 1);
    assert.ok(wrong.err.startsWith('pharos: ') && wrong.err.includes(String(address.port)), wrong.err);
  });
});

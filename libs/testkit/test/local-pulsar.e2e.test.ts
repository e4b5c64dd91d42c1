import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort, isFree, spawnService, unavailable } from '@pharos/testkit';

const script = fileURLToPath(new URL('../../../deploy/local/pulsar.mjs', import.meta.url));

describe('npm run pulsar', { skip: unavailable('pulsar'), timeout: 180_000 }, () => {
  test('serves on the ports asked for, says where, and stops on SIGTERM', async () => {
    const data = await mkdtemp(join(tmpdir(), 'pharos-local-'));
    const [port, webPort] = [await freePort(), await freePort()];
    const args = [script, '--port', String(port), '--web-port', String(webPort), '--data', data];
    const service = await spawnService(process.execPath, args, { readyPattern: /Ctrl-C/, readyTimeoutMs: 150_000 });
    try {
      await service.waitForLine(new RegExp(`Pulsar +pulsar://127\\.0\\.0\\.1:${port}$`));
      const answer = await fetch(`http://127.0.0.1:${webPort}/admin/v2/brokers/ready`);
      assert.equal(await answer.text(), 'ok');
    } finally {
      assert.deepEqual(await service.stop(30_000), { code: 0, signal: null });
      await rm(data, { recursive: true, force: true });
    }
    assert.equal(await isFree(port), true);
  });

  test('a port that is no port, or is in use, is named', async () => {
    const bad = await spawnService(process.execPath, [script, '--port', 'x']);
    await bad.stderr.waitFor(/--port must be a port between 1 and 65535, not 'x'/);
    assert.equal((await bad.exited).code, 1);
    const unknown = await spawnService(process.execPath, [script, '--prot', '1']);
    await unknown.stderr.waitFor(/--prot/);
    assert.equal((await unknown.exited).code, 1);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestkitError, eventually, spawnService } from '@pharos/testkit';
import type { ServiceProcess } from '@pharos/testkit';

const parent = fileURLToPath(new URL('fixtures/parent.ts', import.meta.url));

function node(script: string, readyPattern?: RegExp): Promise<ServiceProcess> {
  return spawnService(process.execPath, ['-e', script], readyPattern === undefined ? {} : { readyPattern });
}

async function waitUntilGone(pid: number): Promise<void> {
  await eventually(() => {
    try {
      process.kill(pid, 0);
      return undefined;
    } catch {
      return true;
    }
  }, `end of process ${pid}`);
}

describe('spawnService', { timeout: 60_000 }, () => {
  test('waits for the ready line, on standard error too, and gives lines, exit code and signal', async () => {
    const service = await node("console.error('I am ready'); console.log('one'); setInterval(() => {}, 1000)", /ready/);
    assert.equal((await service.waitForLine(/^(o)ne$/))[1], 'o');
    assert.equal(service.status, undefined);
    const status = await service.stop();
    assert.deepEqual(status, { code: null, signal: 'SIGTERM' });
    assert.throws(() => service.pause(), /has ended/);
  });

  test('reads what is written to standard input, to the last line without a line end', async () => {
    const service = await node('process.stdin.pipe(process.stdout)');
    await service.write('grüße\nsecond\r\nlast');
    service.endInput();
    assert.deepEqual(await service.exited, { code: 0, signal: null });
    assert.deepEqual(service.stdout.lines, ['grüße', 'second', 'last']);
  });

  test('looks only at lines from the mark on', async () => {
    const service = await node("process.stdin.on('data', () => console.log('tick 2')); console.log('tick 1')");
    await service.waitForLine(/tick/);
    const mark = service.stdout.count;
    const next = service.waitForLine(/tick (\d)/g, { from: mark });
    await service.write('go');
    assert.equal((await next)[1], '2');
    await service.kill();
  });

  test('an end before the ready line is an error with the output', async () => {
    await assert.rejects(node("console.log('broken pipe dream'); process.exit(3)", /ready/), (error: unknown) => {
      assert.ok(error instanceof TestkitError);
      assert.equal(error.code, 'start-failed');
      assert.match(error.message, /exit code 3[^]*broken pipe dream/);
      return true;
    });
  });

  test('a line that never comes is an error, at the deadline or at the end of the output', async () => {
    const service = await node("process.stdin.on('data', () => process.exit(0))");
    await assert.rejects(service.waitForLine(/never/, { timeoutMs: 10 }), { code: 'wait-timeout' });
    const waiting = assert.rejects(service.waitForLine(/never/), { code: 'not-running' });
    await service.write('go');
    await waiting;
  });

  test('a program that is not there is named', async () => {
    await assert.rejects(spawnService('no-such-program'), (error: unknown) => {
      return error instanceof TestkitError && error.code === 'tool-missing' && /no-such-program/.test(error.message);
    });
  });

  test('freezes and thaws', async () => {
    const service = await node("process.stdin.on('data', () => console.log('answer')); console.log('up')", /up/);
    service.pause();
    await service.write('question');
    await assert.rejects(service.waitForLine(/answer/, { timeoutMs: 100 }), { code: 'wait-timeout' });
    service.resume();
    await service.waitForLine(/answer/);
    service.pause();
    assert.equal((await service.stop()).signal, 'SIGTERM');
  });

  for (const how of ['exit', 'SIGKILL', 'SIGINT'] as const) {
    test(`dies with its parent: ${how}`, async () => {
      const args = ['--conditions=source', '--import', 'tsx', parent, how];
      const service = await spawnService(process.execPath, args, { readyPattern: /^child \d+/ });
      const pid = Number((await service.waitForLine(/^child (\d+)/))[1]);
      // To the parent alone: a kill of its group would take nothing else with it, but prove less.
      if (how !== 'exit') service.signal(how);
      await service.exited;
      await waitUntilGone(pid);
    });
  }
});

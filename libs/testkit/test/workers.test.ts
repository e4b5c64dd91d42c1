import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { cachedFolder } from '../src/cache.ts';
import { JsonWorker } from '../src/workers/json-worker.ts';

type Commands = {
  echo(params: { readonly text: string }): string;
  fail(params: null): null;
  exit(params: null): null;
};

const script = `
const lines = require('node:readline').createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  console.log('a library says something');
  if (method === 'exit') { console.error('on purpose'); process.exit(3); }
  console.log(JSON.stringify(method === 'echo' ? { id, result: params.text } : { id, error: 'no such thing' }));
});`;

async function startWorker(t: TestContext): Promise<JsonWorker<Commands>> {
  const worker = await JsonWorker.start<Commands>('the worker', process.execPath, ['-e', script]);
  t.after(() => worker.stop());
  return worker;
}

describe('workers', () => {
  test('answer commands, whatever else they print', async (t) => {
    const worker = await startWorker(t);
    const texts = ['plain', 'line\nbreak', '🐌', 'x'.repeat(300_000)];
    assert.deepEqual(await Promise.all(texts.map((text) => worker.call('echo', { text }))), texts);
    await assert.rejects(worker.call('fail', null), /the worker: no such thing\na library says something/);
  });

  test('that end fail what waits for them and what comes after, with what they said', async (t) => {
    const worker = await startWorker(t);
    await assert.rejects(worker.call('exit', null), /the worker ended with exit code 3:[^]*on purpose/);
    await assert.rejects(worker.call('echo', { text: '' }), { code: 'not-running' });
  });
});

describe('folders of the cache', () => {
  test('are made once, whole or not at all', async (t) => {
    const home = await mkdtemp(join(tmpdir(), 'pharos-cache-'));
    const before = process.env['XDG_CACHE_HOME'];
    process.env['XDG_CACHE_HOME'] = home;
    t.after(async () => {
      if (before === undefined) delete process.env['XDG_CACHE_HOME'];
      else process.env['XDG_CACHE_HOME'] = before;
      await rm(home, { recursive: true });
    });
    let made = 0;
    const make = async (folder: string): Promise<void> => {
      await writeFile(join(folder, 'half'), '');
      if (++made === 1) throw new Error('broken off');
      await writeFile(join(folder, 'whole'), 'text');
    };
    await assert.rejects(cachedFolder('thing', make), /broken off/);
    assert.deepEqual(await readdir(join(home, 'pharos')), []);
    const [first, second] = await Promise.all([cachedFolder('thing', make), cachedFolder('thing', make)]);
    assert.equal(first, second);
    assert.equal(await readFile(join(first, 'whole'), 'utf8'), 'text');
    assert.equal(made, 2);
    assert.equal(existsSync(`${first}.lock`), false);
  });
});

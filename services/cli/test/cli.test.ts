import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { cliErrorTable, runCli } from '../src/index.ts';
import { flushed } from '../src/terminal.ts';
import { fakeTerminal } from './fakes.ts';

async function cli(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const terminal = fakeTerminal();
  const status = await runCli(args, terminal);
  return { status, out: terminal.stdout.text, err: terminal.stderr.text };
}

describe('pharos', () => {
  test('--help names every command, and each has its own', async () => {
    const { status, out, err } = await cli('--help');
    assert.deepEqual([status, err], [0, '']);
    for (const command of ['produce', 'consume', 'serve', 'config', 'token', 'reference']) {
      assert.match(out, new RegExp(`^  ${command} `, 'm'));
      const help = await cli(command, '--help');
      assert.equal(help.status, 0);
      assert.match(help.out, new RegExp(`^pharos ${command} `));
      assert.match(help.out, /--help +show this and exit\n$/);
    }
  });

  test('without a command shows the help as a mistake', async () => {
    assert.equal((await cli()).status, 2);
  });

  test('--version', async () => {
    const { status, out } = await cli('--version');
    assert.equal(status, 0);
    assert.match(out, /^pharos \d+\.\d+\.\d+\n$/);
  });

  for (const [args, message] of [
    [
      ['prodce'],
      /^pharos: there is no command 'prodce', only produce, consume, serve, config, token, provision, selftest, reference; did you mean produce\?\nTry: pharos --help\n$/,
    ],
    [['--topic'], /there is no option --topic before a command/],
    [
      ['produce', '--tpic', 'x'],
      /^pharos: there is no option --tpic; did you mean --topic\?\nTry: pharos produce --help\n$/,
    ],
    [['produce', '--rate', 'fast'], /--rate is 'fast', expected a number above 0/],
    [['consume', '--type', 'shard'], /--type is 'shard', expected exclusive, shared, failover/],
    [['consume', '--count', '0'], /--count is '0'/],
    [['consume', 'chat'], /'chat' is not expected here/],
    [['serve'], /name the service to run: edge, api, history, presence, standalone/],
    [['serve', 'ege'], /there is no service 'ege', only edge, api, history, presence, standalone; did you mean edge\?/],
    [['serve', 'edge', 'edge'], /'edge' is not expected here/],
  ] as const) {
    test(`${args.join(' ')} ends with status 2 and says why`, async () => {
      const { status, out, err } = await cli(...args);
      assert.deepEqual([status, out], [2, '']);
      assert.match(err, message);
    });
  }

  test('output is waited for until its reader has it, or has gone', async () => {
    const waiting: (() => void)[] = [];
    const pipe = new Writable({ write: (_chunk, _encoding, taken) => void waiting.push(taken) });
    pipe.write('a page of help');
    let isFlushed = false;
    const end = flushed(pipe).then(() => (isFlushed = true));
    await setImmediate();
    assert.equal(isFlushed, false);
    waiting.shift()?.();
    await setImmediate();
    waiting.shift()?.();
    await end;
    pipe.on('error', () => undefined);
    pipe.destroy(new Error('EPIPE'));
    await flushed(pipe);
  });

  test('every error code is described', () => {
    for (const { description } of Object.values(cliErrorTable)) assert.ok(description.length > 20);
  });
});

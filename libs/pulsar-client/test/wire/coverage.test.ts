// Nothing that reads bytes goes untested: whoever adds a file to the codec is told where it is missing.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { messageCodecs } from './message-codecs.ts';
import { commandNames, commandType } from './protocol.ts';

const wire = new URL('../../src/wire/', import.meta.url);

/** Tested by name in fuzz.test.ts and in tests of their own. */
const wholes = ['decodeBaseCommand', 'decodeEntry', 'deserializeMessageId'];

function sources(folder: string): string[] {
  return readdirSync(new URL(folder, wire)).filter((name) => name.endsWith('.ts'));
}

/** `decodeX` of every file in a folder. */
async function decodersIn(folder: 'commands/' | './'): Promise<string[]> {
  const names: string[] = [];
  for (const file of sources(folder)) {
    if (file === 'index.ts') continue;
    const name = file.slice(0, -'.ts'.length);
    // Written out for whatever compiles tests, which looks for the files in advance.
    const module = (await (folder === './'
      ? import(`../../src/wire/${name}.ts`)
      : import(`../../src/wire/commands/${name}.ts`))) as Record<string, unknown>;
    names.push(...Object.keys(module).filter((name) => /^(decode|deserialize)/.test(name)));
  }
  return names.sort();
}

test('every file of a command is in the table of commands, which are compared with protobufjs and fuzzed', async () => {
  const tested = commandNames.map((name) => `decode${commandType(name).name}`).sort();
  assert.deepEqual(await decodersIn('commands/'), tested);
  assert.equal(sources('commands/').length, commandNames.length);
});

test('every other decoder is in the table of messages, which are compared with protobufjs and fuzzed', async () => {
  const tested = [...Object.keys(messageCodecs).map((name) => `decode${name}`), ...wholes].sort();
  assert.deepEqual(await decodersIn('./'), tested);
});

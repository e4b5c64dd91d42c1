import assert from 'node:assert/strict';
import { test } from 'node:test';

import { inheritedOptions } from '../bench/frame/child.ts';

test('a child inherits how sources are loaded, and never a program or a mode of its parent', () => {
  assert.deepEqual(inheritedOptions(['--conditions=source', '--import', 'tsx', '--test']), [
    '--conditions=source',
    '--import',
    'tsx',
  ]);
  assert.deepEqual(inheritedOptions(['--import=tsx', '-C', 'source']), ['--import=tsx', '-C', 'source']);
  assert.deepEqual(inheritedOptions(['-e', 'await run()']), []);
  assert.deepEqual(inheritedOptions(['--eval=run()', '-p', '1', '--cpu-prof', '--inspect=0']), []);
});

#!/usr/bin/env node
// Plain Node: npm links this file when it installs, before anything is built.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/main.js', import.meta.url);
if (!existsSync(main)) build();
await import(main.href);

function build() {
  const script = fileURLToPath(new URL('../../../deploy/local/build.mjs', import.meta.url));
  process.stderr.write('pharos: not built yet, building …\n');
  // On standard error: standard output is for messages, and standard input holds the lines to send.
  const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', 2, 2] });
  if (status === 0 && existsSync(main)) return;
  process.stderr.write('pharos: the build failed; `npm run build:src` shows why\n');
  process.exit(1);
}

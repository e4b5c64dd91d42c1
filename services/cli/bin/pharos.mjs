#!/usr/bin/env node
// Plain Node: npm links this file when it installs, before anything is built.
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (!existsSync(main)) {
  process.stderr.write('pharos: not built yet; run `npm run build:src` first\n');
  process.exit(1);
}
await import(main.href);

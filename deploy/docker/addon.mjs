// `node deploy/docker/addon.mjs FOLDER`, after `npm ci` there: that uWebSockets.js loads, or the image would serve everybody on the slower `ws`; and of its
// addons, one for each system and each Node.js, together 250 MB, only the one that does.
import { readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node deploy/docker/addon.mjs FOLDER');
  process.exit(2);
}
const require = createRequire(resolve(folder, 'package.json'));
// A dependency of what is in the folder, not of this script.
const addon = 'uWebSockets.js';
require(addon);
const place = dirname(require.resolve(addon));
const own = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
for (const name of readdirSync(place)) {
  if (name.endsWith('.node') && name !== own) rmSync(join(place, name));
}
console.log(`uWebSockets.js loads: ${own}`);

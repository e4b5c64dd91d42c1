// Compiles test files with all that they import of this project, once for all of their processes: a process that compiles for itself,
// as one does under tsx, takes three seconds of a processor before its first test.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../deploy/local/prepare.mjs';

/**
 * @param {readonly string[]} files paths from the root of the project
 * @returns {Promise<{ compiled: Record<string, string>, remove: () => void }>} where each file is now; source maps lie beside them
 */
export async function compile(files) {
  // Only now: it is among the packages that are installed meanwhile.
  const { build } = await import('esbuild');
  // Inside, since the packages that are imported by name are looked up from there.
  const cache = join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'pharos-tests-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    await build({
      absWorkingDir: root,
      entryPoints: [...files],
      outdir: folder,
      outbase: root,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      // What several files import is in a module of its own, so that there is one of it in a process.
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      conditions: ['source'],
      keepNames: true,
      sourcemap: 'linked',
      sourcesContent: false,
      plugins: [ownPlaces, packages],
      logLevel: 'warning',
    });
  } catch (error) {
    remove();
    throw error;
  }
  const compiled = files.map((file) => [file, join(folder, file.replace(/\.m?ts$/, '.mjs'))]);
  return { compiled: Object.fromEntries(compiled), remove };
}

/** Code that looks for files beside its own finds them where its source is. */
const ownPlaces = {
  name: 'own places',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const contents = text
        .replaceAll(/\bimport\.meta\.url\b/g, () => JSON.stringify(pathToFileURL(path).href))
        .replaceAll(/\bimport\.meta\.filename\b/g, () => JSON.stringify(path))
        .replaceAll(/\bimport\.meta\.dirname\b/g, () => JSON.stringify(dirname(path)));
      return { contents, loader: 'ts' };
    });
  },
};

/** What comes from the registry is loaded as it is installed; only packages of this project are compiled. */
const packages = {
  name: 'packages',
  setup({ onResolve }) {
    const seen = new Set();
    onResolve({ filter: /^[^./]/ }, ({ path, kind, resolveDir }) => {
      if (kind === 'entry-point' || path.startsWith('@pharos/')) return undefined;
      if (!path.startsWith('node:')) expectHoisted(path, resolveDir, seen);
      return { path, external: true };
    });
  },
};

/** A package that is installed below the one that imports it would be taken from the root all the same, in another version. */
function expectHoisted(path, resolveDir, seen) {
  const name = path.split('/', path.startsWith('@') ? 2 : 1).join('/');
  const workspace = relative(root, resolveDir).split(sep);
  for (let depth = workspace.length; depth > 0; depth--) {
    const place = join(...workspace.slice(0, depth), 'node_modules', name);
    if (seen.has(place)) return;
    seen.add(place);
    if (existsSync(join(root, place))) throw new Error(`${place} must be installed at the root for compiled tests`);
  }
}

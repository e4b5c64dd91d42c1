import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { PageError } from './errors.ts';

/** One file of the chat page, ready to be sent. */
export interface PageAsset {
  /** Path of the URL: `/` or `/assets/<file>`. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
  /** The body compressed by gzip; absent where that saves nothing. */
  readonly gzip?: Buffer;
  /** Strong entity tag of the body, with its quotes. The compressed body's ends in `-gzip"`. */
  readonly etag: string;
  /** Headers of every answer that carries this asset, apart from Content-Type, ETag and Content-Encoding. */
  readonly headers: Readonly<Record<string, string>>;
}

// From src/page (development) as from dist/page (built) the package's folder is two levels up.
const packageFolder = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const staticFolder = join(packageFolder, 'page', 'static');
const scriptFolder = join(packageFolder, 'dist', 'browser');

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

// What the page shows comes from anybody: no inline script or style, nothing from elsewhere, no frame around it.
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const headers: Readonly<Record<string, string>> = {
  'Content-Security-Policy': contentSecurityPolicy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  // Names carry no hash: a browser asks each time, and is answered 304 until a deploy changes the file.
  'Cache-Control': 'no-cache',
  Vary: 'Accept-Encoding',
};

const compress = promisify(gzip);

/**
 * Reads the whole chat page into memory: document, styles, scripts and the Centrifuge SDK, about 250 kB.
 *
 * Fails with PageError `page_not_built` where the scripts aren't compiled, `page_asset_missing` where another file is
 * missing.
 */
export async function loadPageAssets(): Promise<readonly PageAsset[]> {
  const [files, scripts, sdk] = await Promise.all([staticFiles(), pageScripts(), sdkFiles()]);
  return Promise.all([...files, ...scripts, ...sdk].map(readAsset));
}

interface AssetSource {
  readonly path: string;
  readonly file: string;
}

async function staticFiles(): Promise<AssetSource[]> {
  const names = await listFolder(staticFolder, 'page_asset_missing', 'The chat page’s static files are missing');
  return names.map((name) => ({
    path: name === 'index.html' ? '/' : `/assets/${name}`,
    file: join(staticFolder, name),
  }));
}

async function pageScripts(): Promise<AssetSource[]> {
  const problem = 'The chat page’s scripts are not compiled: run "npm run build"';
  const names = await listFolder(scriptFolder, 'page_not_built', problem);
  const scripts = names.filter((name) => extname(name) === '.js');
  if (!scripts.includes('chat.js')) throw new PageError('page_not_built', problem);
  return scripts.map((name) => ({ path: `/assets/${name}`, file: join(scriptFolder, name) }));
}

async function listFolder(
  folder: string,
  code: 'page_asset_missing' | 'page_not_built',
  problem: string,
): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    throw new PageError(code, problem, cause);
  }
}

async function sdkFiles(): Promise<AssetSource[]> {
  try {
    // The package exports modules that import other packages; its bundle for browsers lies beside them, unexported.
    const entry = createRequire(import.meta.url).resolve('centrifuge');
    const folder = join(dirname(entry), '..');
    return [
      { path: '/assets/centrifuge.js', file: join(folder, 'dist', 'centrifuge.js') },
      { path: '/assets/centrifuge-license.txt', file: join(folder, 'LICENSE') },
    ];
  } catch (cause) {
    throw new PageError('page_asset_missing', 'The npm package "centrifuge" is not installed: run "npm ci"', cause);
  }
}

async function readAsset({ path, file }: AssetSource): Promise<PageAsset> {
  const body = await readBody(path, file);
  const contentType = contentTypes[extname(file)] ?? 'text/plain; charset=utf-8';
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const compressed = await compress(body, { level: constants.Z_BEST_COMPRESSION });
  const asset = { path, contentType, body, etag, headers };
  return compressed.length < body.length ? { ...asset, gzip: compressed } : asset;
}

async function readBody(path: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new PageError('page_asset_missing', `The chat page's file for ${path} can't be read`, cause);
  }
}

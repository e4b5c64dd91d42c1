import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { answerPage } from '../../src/page/answer.ts';
import { loadPageAssets, type PageAsset } from '../../src/page/assets.ts';

const plain = { ifNoneMatch: '', acceptEncoding: '' };
let assets: ReadonlyMap<string, PageAsset>;

before(async () => {
  assets = new Map((await loadPageAssets()).map((asset) => [asset.path, asset]));
});

function asset(path: string): PageAsset {
  return assets.get(path) ?? assert.fail(`no asset ${path}`);
}

describe('loadPageAssets', () => {
  test('holds the document and everything that it names', () => {
    const document = asset('/').body.toString();
    const named = [...document.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map((match) => `/${match[1]}`);
    assert.ok(named.includes('/assets/chat.js') && named.includes('/assets/centrifuge.js') && named.length >= 4);
    for (const path of named) asset(path);
  });

  test('holds every module that a script imports', () => {
    let imports = 0;
    for (const [path, { body }] of assets) {
      if (!path.endsWith('.js') || path === '/assets/centrifuge.js') continue;
      for (const match of body.toString().matchAll(/from '([^']+)'/g)) {
        imports++;
        asset(new URL(match[1] ?? '', `http://host${path}`).pathname);
      }
    }
    assert.ok(imports > 20, `only ${imports} imports seen`);
  });

  test('needs no inline script, style or handler, as its policy forbids them', () => {
    const document = asset('/').body.toString();
    assert.doesNotMatch(document, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:/i);
    for (const { headers } of assets.values()) {
      const policy = headers['Content-Security-Policy'] ?? '';
      assert.match(policy, /default-src 'none'/);
      assert.doesNotMatch(policy, /unsafe/);
      assert.equal(headers['X-Content-Type-Options'], 'nosniff');
    }
  });

  test('never writes markup: what is shown comes from anybody', () => {
    for (const [path, { body }] of assets) {
      if (!path.endsWith('.js') || path === '/assets/centrifuge.js') continue;
      assert.doesNotMatch(body.toString(), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/, path);
    }
  });

  test('names the kinds of content', () => {
    const types = ['/', '/assets/theme.css', '/assets/chat.js', '/assets/favicon.svg'].map(
      (path) => asset(path).contentType,
    );
    assert.deepEqual(types, [
      'text/html; charset=utf-8',
      'text/css; charset=utf-8',
      'text/javascript; charset=utf-8',
      'image/svg+xml',
    ]);
  });

  test('carries nothing but what a browser asks for', () => {
    for (const path of assets.keys()) assert.match(path, /^\/$|^\/assets\/[a-z-]+\.(js|css|svg|txt)$/);
  });
});

describe('answerPage', () => {
  test('sends the body with its type and tag', () => {
    const document = asset('/');
    const answer = answerPage(document, plain);
    assert.equal(answer.status, 200);
    assert.equal(answer.body, document.body);
    assert.equal(answer.headers['Content-Type'], 'text/html; charset=utf-8');
    assert.equal(answer.headers['ETag'], document.etag);
    assert.equal(answer.headers['Content-Encoding'], undefined);
  });

  test('compresses for whoever takes it', () => {
    const sdk = asset('/assets/centrifuge.js');
    for (const acceptEncoding of ['gzip', 'br, gzip;q=0.5', '*', 'GZIP']) {
      const answer = answerPage(sdk, { ...plain, acceptEncoding });
      assert.equal(answer.headers['Content-Encoding'], 'gzip', acceptEncoding);
      assert.deepEqual(gunzipSync(answer.body), sdk.body);
      assert.notEqual(answer.headers['ETag'], sdk.etag);
    }
    for (const acceptEncoding of ['', 'br', 'gzip;q=0', 'gzip; q=0.00']) {
      assert.equal(
        answerPage(sdk, { ...plain, acceptEncoding }).headers['Content-Encoding'],
        undefined,
        acceptEncoding,
      );
    }
  });

  test('answers 304 to the tag of the same representation', () => {
    const document = asset('/');
    for (const ifNoneMatch of [document.etag, `W/${document.etag}`, `"other", ${document.etag}`, '*']) {
      const answer = answerPage(document, { ...plain, ifNoneMatch });
      assert.deepEqual([answer.status, answer.body.length], [304, 0], ifNoneMatch);
      assert.equal(answer.headers['ETag'], document.etag);
    }
    assert.equal(answerPage(document, { ...plain, ifNoneMatch: '"other"' }).status, 200);
    const gzipTag = answerPage(document, { ...plain, acceptEncoding: 'gzip' }).headers['ETag'] ?? '';
    assert.equal(answerPage(document, { ifNoneMatch: gzipTag, acceptEncoding: 'gzip' }).status, 304);
    assert.equal(answerPage(document, { ...plain, ifNoneMatch: gzipTag }).status, 200);
  });
});

import type { HttpRoute } from '@pharos/socket-server';

import type { PageAsset } from '../page/assets.ts';

/** Serves the chat page's files, with revalidation by ETag. */
export function pageRoutes(assets: readonly PageAsset[]): HttpRoute[] {
  return assets.map((asset) => ({
    method: 'GET',
    path: asset.path,
    handle(request, response): void {
      const headers = { ...asset.headers, 'Content-Type': asset.contentType, ETag: asset.etag };
      if (request.header('if-none-match') === asset.etag) response.respond(304, headers);
      else response.respond(200, headers, asset.body);
    },
  }));
}

import type { HttpRoute } from '@pharos/socket-server';

import { answerPage } from '../page/answer.ts';
import type { PageAsset } from '../page/assets.ts';

/** Serves the chat page's files. */
export function pageRoutes(assets: readonly PageAsset[]): HttpRoute[] {
  return assets.map((asset) => ({
    method: 'GET',
    path: asset.path,
    handle(request, response): void {
      const answer = answerPage(asset, {
        ifNoneMatch: request.header('if-none-match'),
        acceptEncoding: request.header('accept-encoding'),
      });
      response.respond(answer.status, answer.headers, answer.body);
    },
  }));
}

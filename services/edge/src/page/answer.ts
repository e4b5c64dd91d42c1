import type { PageAsset } from './assets.ts';

export interface PageRequest {
  /** Header If-None-Match; empty where the request has none. */
  readonly ifNoneMatch: string;
  /** Header Accept-Encoding; empty where the request has none. */
  readonly acceptEncoding: string;
}

export interface PageAnswer {
  readonly status: 200 | 304;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty for 304. */
  readonly body: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** What to answer to a GET of an asset: compressed where the client takes it, 304 where it has the very bytes. */
export function answerPage(asset: PageAsset, request: PageRequest): PageAnswer {
  const compressed = acceptsGzip(request.acceptEncoding) ? asset.gzip : undefined;
  const etag = compressed === undefined ? asset.etag : asset.etag.replace(/"$/, '-gzip"');
  const headers = { ...asset.headers, ETag: etag };
  if (matches(request.ifNoneMatch, etag)) return { status: 304, headers, body: NOTHING };
  const described = { ...headers, 'Content-Type': asset.contentType };
  return compressed === undefined
    ? { status: 200, headers: described, body: asset.body }
    : { status: 200, headers: { ...described, 'Content-Encoding': 'gzip' }, body: compressed };
}

function acceptsGzip(header: string): boolean {
  return header.split(',').some((entry) => {
    const [coding = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    const refused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    return (coding === 'gzip' || coding === '*') && !refused;
  });
}

function matches(ifNoneMatch: string, etag: string): boolean {
  // Weak comparison, as the HTTP semantics ask for here: a proxy may have weakened the tag.
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}

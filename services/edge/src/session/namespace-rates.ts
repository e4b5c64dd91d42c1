import type { Namespace } from '@pharos/channels';

import { TokenBucket } from '../token-bucket.ts';

type RatedKind = 'publish' | 'subscribe';

interface Rate {
  readonly perSecond: number;
  readonly bucket: TokenBucket;
}

/** How often one connection may do something in the channels of one namespace. */
export class NamespaceRates {
  readonly #rates = new Map<string, Rate>();

  /** Counts it; false where it is one too many. */
  take(kind: RatedKind, { name, options }: Namespace): boolean {
    const perSecond = options[`${kind}_rate_limit`];
    if (perSecond === undefined) return true;
    const key = `${kind} ${name}`;
    let rate = this.#rates.get(key);
    // Another one since the configuration was reloaded.
    if (rate?.perSecond !== perSecond) {
      rate = { perSecond, bucket: new TokenBucket(perSecond) };
      this.#rates.set(key, rate);
    }
    return rate.bucket.take();
  }
}

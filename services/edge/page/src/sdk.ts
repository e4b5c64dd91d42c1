import type { Centrifuge as CentrifugeClass } from 'centrifuge';

// The SDK's browser bundle is a classic script that leaves its class here; the page loads it before this module.
declare global {
  var Centrifuge: typeof CentrifugeClass;
}

/** Throws where the SDK's script didn't load, with words for the page's visitor. */
export function requireSdk(): void {
  if (typeof globalThis.Centrifuge !== 'function') {
    throw new TypeError('The Centrifuge SDK did not load: reload the page.');
  }
}

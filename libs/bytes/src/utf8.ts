import { isUtf8 as nodeIsUtf8 } from 'node:buffer';

/** Whether the bytes are well-formed UTF-8 (no overlong forms, no surrogates). Empty input is. */
export function isUtf8(bytes: Uint8Array): boolean {
  return nodeIsUtf8(bytes);
}

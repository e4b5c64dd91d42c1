import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Whoever knows a session's secret commands as its client: it must not be guessed. Its second half is the first, signed by its edge, so that another
 * edge can tell it from one that was made up, by whoever knows the edge's name. Together they are as long as what edges of older versions pass on.
 */
const randomLength = 12;
const signatureLength = 12;
const keyLength = 32;
const form = /^[\w-]{32}$/;

/** By which an edge signs its sessions, for as long as it runs. Who knows it can make up sessions, and can't guess one that is. */
export function newSessionKey(): Buffer {
  return randomBytes(keyLength);
}

export function newSecret(key: Buffer): string {
  return signed(key, randomBytes(randomLength));
}

/** Whether a text can be the secret of a session, on any edge. */
export function isSecret(text: string): boolean {
  return form.test(text);
}

/** Whether an edge with that key made the secret, now or before. Takes as long for any that is none. */
export function isSignedBy(key: Buffer, secret: string): boolean {
  if (!isSecret(secret)) return false;
  const random = Buffer.from(secret, 'base64url').subarray(0, randomLength);
  return timingSafeEqual(Buffer.from(signed(key, random)), Buffer.from(secret));
}

function signed(key: Buffer, random: Buffer): string {
  const signature = createHmac('sha256', key).update(random).digest().subarray(0, signatureLength);
  return Buffer.concat([random, signature]).toString('base64url');
}

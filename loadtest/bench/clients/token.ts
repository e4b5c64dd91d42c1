import { createHmac } from 'node:crypto';

const header = encode({ alg: 'HS256', typ: 'JWT' });

/** A token (HS256), as an application's backend makes it. */
export function signedToken(claims: Readonly<Record<string, unknown>>, secret: string): string {
  const signed = `${header}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** A user's connection token, which doesn't expire. */
export function userToken(user: string, secret: string): string {
  return signedToken({ sub: user }, secret);
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

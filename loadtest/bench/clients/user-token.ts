import { createHmac } from 'node:crypto';

const header = encode({ alg: 'HS256', typ: 'JWT' });

/** A connection token (HS256) of a user, as an application's backend makes it. It doesn't expire. */
export function userToken(user: string, secret: string): string {
  const signed = `${header}.${encode({ sub: user })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

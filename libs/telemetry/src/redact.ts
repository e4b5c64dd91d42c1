/** Fields that are never logged, at the top of a record or up to two levels down, whatever their case in HTTP headers. */
const SECRET_FIELDS: readonly string[] = [
  'authorization',
  'Authorization',
  'cookie',
  'Cookie',
  'password',
  'secret',
  'token',
  'access_token',
  'refresh_token',
  'api_key',
  'apiKey',
  'token_secret',
];

export const REDACTED = '[redacted]';

/** The paths of {@link SECRET_FIELDS} as pino takes them. */
export const redactedPaths: string[] = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

/**
 * Takes JSON Web Tokens out of a finished line: they also come inside messages, URLs and errors of other libraries,
 * where no field name gives them away. A line without `eyJ` (the start of every JWT) costs one search.
 */
export function redactTokens(line: string): string {
  if (!line.includes('eyJ')) return line;
  return line.replace(/\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, REDACTED);
}

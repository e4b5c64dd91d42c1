/** A publication's data: what identifies it, and what makes it as long as publications are. */
export function dataOf(message: string, padBytes: number): object {
  return { m: message, pad: 'x'.repeat(padBytes) };
}

/** What identifies a publication, from its data; other data as they are. */
export function messageOf(data: unknown): string {
  if (typeof data === 'object' && data !== null && 'm' in data && typeof data.m === 'string') return data.m;
  return JSON.stringify(data);
}

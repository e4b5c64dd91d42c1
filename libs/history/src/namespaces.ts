/** Whether a lane with publications of these namespaces has those of that one; all where nobody said whose it has, or asked. */
export function has(namespaces: readonly string[] | undefined, namespace: string | undefined): boolean {
  return namespaces === undefined || namespace === undefined || namespaces.includes(namespace);
}

/** As it is kept, to be compared; `''` where nobody said. */
export function encodeNamespaces(namespaces: readonly string[] | undefined): string {
  return namespaces === undefined ? '' : JSON.stringify(namespaces);
}

export function decodeNamespaces(text: string): readonly string[] | undefined {
  return text === '' ? undefined : (JSON.parse(text) as string[]);
}

export type Path = readonly PropertyKey[];

/** `pulsar.admin_url`, `namespaces."a.b".channels[0]`; the root has no name. */
export function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else {
      const name = String(key);
      const shown = /^[A-Za-z0-9_<>-]+$/.test(name) ? name : JSON.stringify(name);
      text += text === '' ? shown : `.${shown}`;
    }
  }
  return text;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What lies at `path`; undefined where nothing does. */
export function valueAt(root: unknown, path: Path): unknown {
  let current = root;
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return current;
}

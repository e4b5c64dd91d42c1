import { randomBytes } from 'node:crypto';

/**
 * A new namespace whose topics keep everything. Without retention a broker may drop a ledger that no subscription needs
 * once it is closed, as it is when a topic moves, its broker dies, or a write to it fails.
 */
export async function keepingNamespace(adminUrl: string): Promise<string> {
  const namespace = `public/keeping-${randomBytes(6).toString('hex')}`;
  const url = `${adminUrl}/admin/v2/namespaces/${namespace}`;
  await ask(url, { method: 'PUT' });
  const body = JSON.stringify({ retentionTimeInMinutes: -1, retentionSizeInMB: -1 });
  await ask(`${url}/retention`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return namespace;
}

async function ask(url: string, request: RequestInit): Promise<void> {
  const response = await fetch(url, request);
  if (!response.ok) throw new Error(`${request.method} ${url}: ${response.status} ${await response.text()}`);
}

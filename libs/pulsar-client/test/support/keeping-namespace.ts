import { randomBytes } from 'node:crypto';
import { PulsarAdmin } from '../../src/admin/admin.ts';

/**
 * A new namespace whose topics keep everything. Without retention a broker may drop a ledger that no subscription needs
 * once it is closed, as it is when a topic moves or its broker dies.
 */
export async function keepingNamespace(adminUrl: string): Promise<string> {
  const namespace = `public/keeping-${randomBytes(6).toString('hex')}`;
  const response = await fetch(`${adminUrl}/admin/v2/namespaces/${namespace}`, { method: 'PUT' });
  if (!response.ok) throw new Error(`namespace ${namespace}: ${response.status} ${await response.text()}`);
  const admin = new PulsarAdmin({ adminUrl });
  await admin.setRetention(namespace, { retentionTimeInMinutes: -1, retentionSizeInMB: -1 });
  return namespace;
}

import { randomBytes } from 'node:crypto';
import { startPulsar } from './server.ts';

/** A broker that tests share: only its addresses, because nobody may stop it under the others. */
export interface SharedPulsar {
  readonly serviceUrl: string;
  readonly adminUrl: string;
}

let own: Promise<SharedPulsar> | undefined;

/**
 * The broker of this test run, which the runner starts; a test file that is run alone gets one of its own, which ends with
 * the process. A test that kills, freezes or configures a broker starts its own with `startPulsar`.
 */
export function sharedPulsar(): Promise<SharedPulsar> {
  const serviceUrl = process.env['PHAROS_TEST_PULSAR_URL'];
  const adminUrl = process.env['PHAROS_TEST_PULSAR_ADMIN_URL'];
  if (serviceUrl !== undefined && adminUrl !== undefined) return Promise.resolve({ serviceUrl, adminUrl });
  own ??= startOwn();
  return own;
}

async function startOwn(): Promise<SharedPulsar> {
  const server = await startPulsar();
  server.unref();
  return { serviceUrl: server.serviceUrl, adminUrl: server.adminUrl };
}

/** A persistent topic's full name that no other test uses, in `namespace`. */
export function uniqueTopic(label: string, namespace = 'public/default'): string {
  return `persistent://${namespace}/${label}-${randomBytes(6).toString('hex')}`;
}

import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { TestkitError } from './errors.ts';

const document = new URL('../../../docs/security.md', import.meta.url);

/**
 * Makes the users that docs/security.md tells operators to make, with `password`: whoever runs as one of them shows that what stands
 * there is enough.
 *
 * @param prefix what stands in keys in place of `pharos`; a pattern
 */
export async function makeDocumentedUsers(port: number, password: string, prefix = 'pharos'): Promise<void> {
  const text = await readFile(document, 'utf8');
  const users = text.split('\n').filter((line) => line.startsWith('user pharos-'));
  const socket = connect(port, '127.0.0.1');
  try {
    for (const user of users) {
      const rules = user.replace('>SECRET', `>${password}`).replaceAll('~pharos:', `~${prefix}:`);
      socket.write(`ACL SETUSER ${rules.slice('user '.length)}\r\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      if (answer.toString() !== '+OK\r\n')
        throw new TestkitError('invalid-option', `${user.slice(0, 40)}: ${answer.toString()}`);
    }
  } finally {
    socket.destroy();
  }
}

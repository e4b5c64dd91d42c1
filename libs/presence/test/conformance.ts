import { after, before, describe } from 'node:test';
import type { PresenceUnderTest } from './conformance/harness.ts';
import { memberTests } from './conformance/members.ts';
import { nodeTests } from './conformance/nodes.ts';

/** Holds a presence store to what the port says. Every adapter passes all of it. */
export function presenceConformance(
  name: string,
  options: { readonly skip: string | false },
  open: () => Promise<PresenceUnderTest>,
): void {
  describe(`${name} presence`, { ...options, timeout: 120_000 }, () => {
    let opened: PresenceUnderTest | undefined;
    const adapter = (): PresenceUnderTest => {
      if (opened === undefined) throw new Error('the adapter is not open');
      return opened;
    };
    before(async () => {
      opened = await open();
    });
    after(() => opened?.close());
    describe('members', () => memberTests(adapter));
    describe('nodes', () => nodeTests(adapter));
  });
}

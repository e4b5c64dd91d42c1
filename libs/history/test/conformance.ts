import { after, before, describe } from 'node:test';
import type { HistoryUnderTest } from './conformance/harness.ts';
import { pageTests } from './conformance/pages.ts';
import { recoveryTests } from './conformance/recoveries.ts';
import { writeTests } from './conformance/writes.ts';

/** Holds a history store to what the port says. Every adapter passes all of it. */
export function historyConformance(
  name: string,
  options: { readonly skip: string | false },
  open: () => Promise<HistoryUnderTest>,
): void {
  describe(`${name} history`, { ...options, timeout: 120_000 }, () => {
    let opened: HistoryUnderTest | undefined;
    const adapter = (): HistoryUnderTest => {
      if (opened === undefined) throw new Error('the adapter is not open');
      return opened;
    };
    before(async () => {
      opened = await open();
    });
    after(() => opened?.close());
    describe('writes', () => writeTests(adapter));
    describe('recoveries', () => recoveryTests(adapter));
    describe('pages', () => pageTests(adapter));
  });
}

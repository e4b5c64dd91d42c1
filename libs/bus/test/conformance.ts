import { after, before, describe } from 'node:test';
import type { Bus } from '@pharos/bus';
import { appendTests } from './conformance/appends.ts';
import type { BusUnderTest } from './conformance/harness.ts';
import { groupTests } from './conformance/groups.ts';
import { logTests } from './conformance/logs.ts';
import { reroutingTests } from './conformance/rerouting.ts';
import { tailTests } from './conformance/tails.ts';
import { workTests } from './conformance/work.ts';

/** Holds a bus adapter to what the port says. Every adapter passes all of it. */
export function busConformance(
  name: string,
  options: { readonly skip: string | false },
  open: () => Promise<BusUnderTest>,
): void {
  describe(`${name} bus`, options, () => {
    let opened: BusUnderTest | undefined;
    const buses: Bus[] = [];
    const adapter = (): BusUnderTest => {
      const current = opened;
      if (current === undefined) throw new Error('the adapter is not open');
      return {
        newBus: async (options) => {
          const bus = await current.newBus(options);
          buses.push(bus);
          return bus;
        },
        uniqueTopic: (hint) => current.uniqueTopic(hint),
        inject: (topic, lane, message) => current.inject(topic, lane, message),
        interrupt: () => current.interrupt(),
        close: () => current.close(),
      };
    };
    before(async () => {
      opened = await open();
    });
    after(async () => {
      await Promise.all(buses.map((bus) => bus.close()));
      await opened?.close();
    });
    describe('logs', () => logTests(adapter));
    describe('appends', () => appendTests(adapter));
    describe('tails', () => tailTests(adapter));
    describe('work', () => workTests(adapter));
    describe('groups', () => groupTests(adapter));
    describe('rerouting', () => reroutingTests(adapter));
  });
}

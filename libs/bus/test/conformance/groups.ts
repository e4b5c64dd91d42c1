import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bus, GroupHandler, LaneGroup, Log } from '@pharos/bus';
import { eventually } from '@pharos/testkit';
import { append, type BusUnderTest, Collector, patienceMs, texts } from './harness.ts';

/** One member of a group, as its handler is told. */
class Member implements GroupHandler {
  readonly lanes = new Set<number>();
  readonly endings: Error[] = [];
  /** Every change, in order. */
  readonly changes: string[] = [];

  active(lane: number, active: boolean): void {
    if (active) this.lanes.add(lane);
    else this.lanes.delete(lane);
    this.changes.push(`${lane}${active ? '+' : '-'}`);
  }

  ended(error: Error): void {
    this.endings.push(error);
  }
}

const until = async (done: () => boolean, what: string): Promise<void> => {
  await eventually(() => (done() ? true : undefined), what, patienceMs);
};

/** Groups: who is active in a lane, and what is acknowledged; and the pauses of those who read there. */
export function groupTests(adapter: () => BusUnderTest): void {
  const join = async (
    topic: string,
    lanes: number,
    member: Member,
  ): Promise<{ bus: Bus; log: Log; group: LaneGroup }> => {
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic, lanes });
    return { bus, log, group: await log.joinGroup({ group: 'g' }, member) };
  };

  test('one member is active in every lane', async () => {
    const member = new Member();
    await join(adapter().uniqueTopic('alone'), 3, member);
    await until(() => member.lanes.size === 3, 'all lanes');
    const plain = new Member();
    await join(adapter().uniqueTopic('alone'), 1, plain);
    await until(() => plain.lanes.has(0), 'the one lane');
  });

  test('of two members each lane has one, and the other takes over when it leaves or its bus is closed', async () => {
    const topic = adapter().uniqueTopic('pair');
    const members = [new Member(), new Member()] as const;
    const first = await join(topic, 4, members[0]);
    const second = await join(topic, 4, members[1]);
    const both = (): string => [...members[0].lanes, ...members[1].lanes].sort((a, b) => a - b).join();
    await until(
      () => both() === '0,1,2,3' && members[1].lanes.size === 2,
      'each lane one member, each member two lanes',
    );
    await first.group.close();
    await until(() => members[1].lanes.size === 4, 'all with the second');
    const third = new Member();
    await join(topic, 4, third);
    await second.bus.close();
    await until(() => third.lanes.size === 4, 'all with the third');
    assert.deepEqual([...members.flatMap(({ endings }) => endings), ...third.endings], []);
  });

  test('what was acknowledged is known to whoever comes later, and can be read again', async () => {
    const topic = adapter().uniqueTopic('acks');
    const one = await join(topic, 1, new Member());
    for (const text of texts('m', 6)) await append(one.log, 'chat', text);
    const collector = new Collector();
    await one.log.attach(0, collector, { at: 'earliest' });
    await collector.untilCount(6);
    const positions = collector.publications.map(({ position }) => position);
    const none = await one.group.acknowledged(0);
    assert.deepEqual(positions.map(none), [false, false, false, false, false, false]);
    await one.group.ackThrough(0, positions[3] ?? '');
    await one.bus.close();
    const two = await join(topic, 1, new Member());
    const some = await two.group.acknowledged(0);
    assert.deepEqual(positions.map(some), [true, true, true, true, false, false]);
    const again = new Collector();
    await two.log.attach(0, again, { at: 'earliest' });
    await again.untilCount(6);
    assert.deepEqual(again.texts, texts('m', 6));
  });

  test('a member that loses its connection is active no more, and again when it is back', async () => {
    const member = new Member();
    await join(adapter().uniqueTopic('lost'), 1, member);
    await until(() => member.lanes.has(0), 'active');
    const restore = await adapter().interrupt();
    await until(() => !member.lanes.has(0), 'not active');
    await restore();
    await until(() => member.lanes.has(0), 'active again');
    assert.deepEqual(member.changes, ['0+', '0-', '0+']);
  });

  test('a membership that was ended says so', async () => {
    const { group } = await join(adapter().uniqueTopic('left'), 1, new Member());
    await group.close();
    await assert.rejects(group.ackThrough(0, '1:1'), { code: 'closed' });
    await assert.rejects(group.acknowledged(0), { code: 'closed' });
  });

  test('a tail that is paused hands over nothing, and all of it after', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('pause') });
    const [paused, other] = [new Collector(), new Collector()] as const;
    const tail = await log.attach(0, paused);
    await log.attach(0, other);
    await append(log, 'chat', 'first');
    await paused.untilCount(1);
    tail.pause();
    for (const text of texts('m', 20)) await append(log, 'chat', text);
    await other.untilCount(21);
    assert.deepEqual(paused.texts, ['first']);
    tail.resume();
    await paused.untilCount(21);
    assert.deepEqual(paused.texts, ['first', ...texts('m', 20)]);
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, type MakeServer, RecordingHandler, start, startRecording } from './harness.ts';

export function topicsConformance(make: MakeServer): void {
  test('a publish reaches the subscribers of its topic, across routes, and nobody else', async (t) => {
    const one = new RecordingHandler();
    const two = new RecordingHandler();
    const { server, url } = await start(t, make, (created) => {
      created.webSocket({ path: '/one', handler: one, maxPayloadBytes: 100 });
      created.webSocket({ path: '/two', handler: two, maxPayloadBytes: 100 });
    });
    const a = await connect(t, `${url}/one`);
    const b = await connect(t, `${url}/two`);
    const [socketA, socketB] = [await one.opened.next(), await two.opened.next()];
    assert.equal(socketA.subscribe('both'), true);
    assert.equal(socketB.subscribe('both'), true);
    assert.equal(socketB.subscribe('only b ü'), true);
    assert.equal(server.subscribers('both'), 2);
    assert.equal(server.subscribers('none'), 0);
    server.publish('none', 'lost', false);
    server.publish('only b ü', '1', false);
    server.publish('both', Buffer.from([1, 2]), true);
    assert.deepEqual(await b.messages.take(2), ['1', 'hex:0102']);
    assert.equal(await a.messages.next(), 'hex:0102');
  });

  test('a topic has one name, however its string came about', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    const plain = 'günstige Plätze';
    // Cut out of a string that can't be kept in Latin-1.
    const cut = `€${plain}`.slice(1);
    socket.subscribe(cut);
    assert.equal(server.subscribers(plain), 1);
    server.publish(plain, plain, false);
    socket.unsubscribe(plain);
    socket.subscribe(plain);
    server.publish(cut, cut, false);
    assert.deepEqual(await client.messages.take(2), [plain, plain]);
    assert.equal(socket.unsubscribe(cut), true);
    assert.equal(server.subscribers(plain), 0);
  });

  test('who subscribes later in the turn misses a publish, who unsubscribes later still gets it', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    server.publish('news', 'too early', false);
    socket.subscribe('news');
    server.publish('news', 'in time', false);
    assert.equal(socket.unsubscribe('news'), true);
    assert.equal(socket.unsubscribe('news'), false);
    server.publish('news', 'too late', false);
    socket.send('end', false);
    assert.deepEqual(await client.messages.take(2), ['in time', 'end']);
    assert.equal(server.subscribers('news'), 0);
  });

  test('a second subscription to a topic changes nothing', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    assert.equal(socket.subscribe('news'), true);
    assert.equal(socket.subscribe('news'), true);
    assert.equal(server.subscribers('news'), 1);
    server.publish('news', 'once', false);
    socket.send('end', false);
    assert.deepEqual(await client.messages.take(2), ['once', 'end']);
    socket.unsubscribe('news');
    assert.equal(server.subscribers('news'), 0);
  });

  test('publishes and direct sends of a turn keep their order, small and large, over many topics', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    const expected: string[] = [];
    for (let i = 0; i < 300; i++) {
      const topic = `t${i % 7}`;
      socket.subscribe(topic);
      const text = `${i}:${'x'.repeat(i % 50 === 0 ? 40_000 : i)}`;
      expected.push(text);
      if (i % 3 === 0) socket.send(text, false);
      else server.publish(topic, text, false);
    }
    assert.deepEqual(await client.messages.take(expected.length), expected);
  });

  test('cork groups sends and keeps their order with publishes', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    socket.subscribe('news');
    server.publish('news', 'a', false);
    socket.cork(() => {
      socket.send('b', false);
      server.publish('news', 'c', false);
      socket.send('d', false);
    });
    server.publish('news', 'e', false);
    assert.deepEqual(await client.messages.take(5), ['a', 'b', 'c', 'd', 'e']);
    assert.throws(() => socket.cork(() => assert.fail('from inside')), /from inside/);
    socket.send('f', false);
    assert.equal(await client.messages.next(), 'f');
  });

  test('a closed socket is off its topics', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    socket.subscribe('news');
    client.ws.close();
    await handler.closed.next();
    assert.equal(server.subscribers('news'), 0);
  });
}

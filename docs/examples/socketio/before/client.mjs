// npm install socket.io-client; node client.mjs
import { io } from 'socket.io-client';

const url = process.env.URL ?? 'http://127.0.0.1:3000';
const session = process.env.SESSION ?? 'session-of-ann';

// [login]
const socket = io(url, { auth: { session } });
socket.on('connect_error', ({ message }) => console.log(`refused: ${message}`));
socket.on('disconnect', (reason) => {
  if (reason === 'io server disconnect') console.log('logged out');
});
// [end]

// [rooms]
socket.on('message', ({ room, from, text }) => console.log(`${room}: ${from}: ${text}`));
socket.on('notice', ({ text }) => console.log(`notice: ${text}`));

for (const room of ['staff', 'lobby']) {
  const { error } = await socket.emitWithAck('join', room);
  console.log(`${room}: ${error ?? 'joined'}`);
}
// [end]

// [who]
const here = await socket.emitWithAck('who', 'lobby');
console.log(`here: ${here}`);
// [end]

// [calls]
const { name } = await socket.timeout(5_000).emitWithAck('rename', 'Ann');
console.log(`renamed: ${name}`);
// [end]

// [say]
socket.emit('say', 'lobby', 'hello');
// [end]

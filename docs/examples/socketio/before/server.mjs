// A small application on Socket.IO 4: npm install socket.io; node server.mjs
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const sessions = new Map([
  ['session-of-ann', 'ann'],
  ['session-of-bob', 'bob'],
]);
const members = new Map([
  ['lobby', ['ann', 'bob']],
  ['staff', ['bob']],
]);
const names = new Map();

const http = createServer(fromApplication);
const io = new Server(http);

// [login]
io.use((socket, next) => {
  const user = sessions.get(socket.handshake.auth.session);
  if (user === undefined) return next(new Error('log in first'));
  socket.data.user = user;
  next();
});
// [end]

io.on('connection', (socket) => {
  const { user } = socket.data;
  socket.join(`user:${user}`);

  // [rooms]
  socket.on('join', (room, ack) => {
    if (!members.get(room)?.includes(user)) return ack({ error: 'not allowed' });
    socket.join(room);
    ack({});
  });
  socket.on('say', (room, text) => {
    if (socket.rooms.has(room)) io.to(room).emit('message', { room, from: user, text });
  });
  // [end]

  // [calls]
  socket.on('rename', (name, ack) => {
    if (name === '') return ack({ error: 'no name' });
    names.set(user, name);
    ack({ name });
  });
  // [end]

  // [who]
  socket.on('who', async (room, ack) => {
    const sockets = await io.in(room).fetchSockets();
    ack(sockets.map(({ data }) => data.user));
  });
  // [end]
});

// [emit]
function announce({ room, text }) {
  io.to(room).emit('message', { room, from: 'backend', text });
}

function notify({ user, text }) {
  io.to(`user:${user}`).emit('notice', { text });
}

function logOut({ user }) {
  io.in(`user:${user}`).disconnectSockets();
}
// [end]

// What other parts of the application ask for, so that it can be tried.
async function fromApplication(request, response) {
  const action = { '/announce': announce, '/notify': notify, '/log-out': logOut }[request.url];
  const parts = [];
  for await (const part of request) parts.push(part);
  action?.(JSON.parse(Buffer.concat(parts).toString()));
  response.writeHead(action === undefined ? 404 : 204).end();
}

http.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listens at http://127.0.0.1:${http.address().port}`);
});

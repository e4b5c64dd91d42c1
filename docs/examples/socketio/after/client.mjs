// npm install centrifuge ws; node client.mjs
import { Centrifuge, UnauthorizedError } from 'centrifuge';
import { WebSocket } from 'ws'; // browsers have one, and so has Node.js from version 22 on

const url = process.env.URL ?? 'ws://127.0.0.1:9001/connection/websocket';
const backend = process.env.BACKEND ?? 'http://127.0.0.1:3000';
const session = process.env.SESSION ?? 'session-of-ann';

// [login]
async function getToken() {
  const response = await fetch(`${backend}/token`, { headers: { Cookie: `session=${session}` } });
  if (response.status === 401) throw new UnauthorizedError('log in first');
  return response.text();
}

const client = new Centrifuge(url, { websocket: WebSocket, getToken });
client.on('disconnected', ({ code }) => console.log(code === 1 ? 'refused: log in first' : 'logged out'));
client.connect();
// [end]

// [rooms]
function join(name) {
  const room = client.newSubscription(`room:${name}`, { recoverable: true });
  room.on('publication', ({ data, info }) => console.log(`${name}: ${info?.user ?? 'backend'}: ${data.text}`));
  room.on('unsubscribed', ({ code }) => console.log(`${name}: ${code === 103 ? 'not allowed' : 'left'}`));
  room.on('subscribed', ({ wasRecovering, recovered }) => {
    // What was missed while the connection was lost has come, or else: load what you show anew.
    if (wasRecovering && !recovered) console.log(`${name}: not recovered`);
  });
  room.subscribe();
  return room;
}

// The server subscribes everybody to a channel of their own: their token says so.
client.on('publication', ({ data }) => console.log(`notice: ${data.text}`));

await join('staff')
  .ready()
  .catch(() => undefined);
const lobby = join('lobby');
await lobby.ready();
console.log('lobby: joined');
// [end]

// [who]
const { clients } = await lobby.presence();
console.log(`here: ${Object.values(clients).map(({ user }) => user)}`);
// [end]

// [calls]
const { data } = await client.rpc('rename', { name: 'Ann' });
console.log(`renamed: ${data.name}`);
// [end]

// [say]
await lobby.publish({ text: 'hello' });
// [end]

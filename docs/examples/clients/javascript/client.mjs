// npm install centrifuge ws; node client.mjs
import { Centrifuge, UnauthorizedError } from 'centrifuge';
import { WebSocket } from 'ws'; // browsers have one, and so has Node.js from version 22 on

const url = process.env.URL ?? 'ws://127.0.0.1:9001/connection/websocket';
const tokenUrl = process.env.TOKEN_URL ?? 'http://127.0.0.1:3000/token';

// Your backend knows the user by a cookie, which a browser sends by itself.
async function getToken(query = '') {
  const response = await fetch(`${tokenUrl}${query}`, { headers: { Cookie: 'session=session-of-ann' } });
  if (response.status === 401 || response.status === 403) throw new UnauthorizedError('no token');
  if (!response.ok) throw new Error(`no token: ${response.status}`); // the SDK asks again
  return response.text();
}

const client = new Centrifuge(url, { websocket: WebSocket, getToken: () => getToken() });
client.on('connected', ({ client: id }) => console.log(`connected: ${id}`));
client.on('connecting', ({ code, reason }) => console.log(`connecting: ${code} ${reason}`));
client.on('disconnected', ({ code, reason }) => console.log(`disconnected: ${code} ${reason}`));

const room = client.newSubscription('room:lobby', { recoverable: true });
room.on('publication', ({ data }) => console.log(`publication: ${data.text}`));
room.on('subscribed', ({ wasRecovering, recovered }) => {
  // After a lost connection: either everything that was missed comes now, or you load the state anew.
  if (!wasRecovering) console.log('subscribed');
  else console.log(recovered ? 'recovered' : 'not recovered: load the state anew');
});
room.on('error', ({ error }) => console.log(`error: ${error.code} ${error.message}`));
room.subscribe();

// A channel that begins with $ needs a token of its own.
const vip = client.newSubscription('$vip', {
  getToken: ({ channel }) => getToken(`?channel=${encodeURIComponent(channel)}`),
});
vip.on('subscribed', () => console.log('subscribed to $vip'));
vip.subscribe();

client.connect();

await room.publish({ text: 'hello' });
const { clients } = await room.presence();
console.log(`presence: ${Object.values(clients).map(({ user }) => user)}`);
const { publications } = await room.history({ limit: 10, reverse: true });
console.log(`history: ${publications.map(({ data }) => data.text)}`);
const { data } = await client.rpc('greet', {});
console.log(`rpc: ${data.text}`);

// A chat in the terminal: node docs/examples/quick-start/room.mjs <name> [token]
import { createInterface } from 'node:readline';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws'; // browsers have one, and so has Node.js from version 22 on

const [name = 'somebody', token = ''] = process.argv.slice(2);
const url = process.env.URL ?? 'ws://127.0.0.1:9001/connection/websocket';
const client = new Centrifuge(url, { websocket: WebSocket, token });
client.on('connecting', ({ code, reason }) => code > 0 && console.log(`* connection lost: ${reason} (${code})`));
client.on('disconnected', ({ code, reason }) => {
  if (code === 0) return; // by the last line below
  console.log(`* disconnected: ${reason} (${code})`);
  process.exit(1);
});

const show = ({ data }) => console.log(typeof data === 'string' ? data : `${data.name}: ${data.text}`);
const room = client.newSubscription('chat', { recoverable: true, joinLeave: true });
room.on('publication', show);
room.on('join', ({ info }) => console.log(`* joined: ${info.user || info.client}`));
room.on('leave', ({ info }) => console.log(`* left: ${info.user || info.client}`));
room.on('subscribed', ({ wasRecovering, recovered }) => {
  if (wasRecovering) console.log(recovered ? '* back: what follows is what was missed' : '* back, but too late');
});
room.subscribe();
client.connect();

const { publications } = await room.history({ limit: 10, reverse: true });
for (const publication of publications.reverse()) show(publication);
const { numClients } = await room.presenceStats();
console.log(`* here: ${numClients}`);
for await (const text of createInterface({ input: process.stdin })) await room.publish({ name, text });
client.disconnect();

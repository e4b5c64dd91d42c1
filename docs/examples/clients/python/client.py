# pip install centrifuge-python; python3 client.py
import asyncio
import os
import urllib.error
import urllib.parse
import urllib.request

from centrifuge import Client, ClientEventHandler, SubscriptionEventHandler, UnauthorizedError

URL = os.environ.get("URL", "ws://127.0.0.1:9001/connection/websocket")
TOKEN_URL = os.environ.get("TOKEN_URL", "http://127.0.0.1:3000/token")


async def get_token(channel=None):
    """Your backend knows the user by a cookie."""
    query = "" if channel is None else "?" + urllib.parse.urlencode({"channel": channel})
    request = urllib.request.Request(TOKEN_URL + query, headers={"Cookie": "session=session-of-ann"})

    def fetch():
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read().decode()

    try:
        return await asyncio.to_thread(fetch)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise UnauthorizedError() from error
        raise  # the SDK asks again


class Connection(ClientEventHandler):
    async def on_connected(self, ctx):
        print(f"connected: {ctx.client}", flush=True)

    async def on_connecting(self, ctx):
        print(f"connecting: {ctx.code} {ctx.reason}", flush=True)

    async def on_disconnected(self, ctx):
        print(f"disconnected: {ctx.code} {ctx.reason}", flush=True)


class Room(SubscriptionEventHandler):
    async def on_publication(self, ctx):
        print(f"publication: {ctx.pub.data['text']}", flush=True)

    async def on_subscribed(self, ctx):
        # After a lost connection: either everything that was missed comes now, or you load the state anew.
        if not ctx.was_recovering:
            print("subscribed", flush=True)
        else:
            print("recovered" if ctx.recovered else "not recovered: load the state anew", flush=True)

    async def on_error(self, ctx):
        print(f"error: {ctx.code} {ctx.error}", flush=True)


class Vip(SubscriptionEventHandler):
    async def on_subscribed(self, ctx):
        print("subscribed to $vip", flush=True)


async def main():
    client = Client(URL, events=Connection(), get_token=get_token)
    room = client.new_subscription("room:lobby", events=Room(), recoverable=True)
    # A channel that begins with $ needs a token of its own.
    vip = client.new_subscription("$vip", events=Vip(), get_token=get_token)
    await client.connect()
    await room.subscribe()
    await vip.subscribe()

    await room.publish({"text": "hello"})
    presence = await room.presence()
    print("presence:", ",".join(one.user for one in presence.clients.values()), flush=True)
    history = await room.history(limit=10, reverse=True)
    print("history:", ",".join(one.data["text"] for one in history.publications), flush=True)
    result = await client.rpc("greet", {})
    print("rpc:", result.data["text"], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

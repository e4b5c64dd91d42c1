"""The official Python SDK, at the command of a test: one JSON document a line."""

import asyncio
import json
import sys
import traceback
import urllib.request

from centrifuge import Client, ClientEventHandler, SubscriptionEventHandler

WAIT_S = 30


class Told:
    """Something that grows, and those that wait for it."""

    def __init__(self):
        self.items = []
        self.changed = asyncio.Condition()

    async def add(self, item):
        async with self.changed:
            self.items.append(item)
            self.changed.notify_all()

    async def at_least(self, count):
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: len(self.items) >= count), WAIT_S)
        return self.items


class Connections(ClientEventHandler):
    def __init__(self):
        self.ids = Told()

    async def on_connected(self, ctx):
        await self.ids.add(ctx.client)


class Room(SubscriptionEventHandler):
    def __init__(self, decode):
        self.decode = decode
        self.answers = Told()
        self.publications = Told()

    async def on_subscribed(self, ctx):
        await self.answers.add(
            {
                "recoverable": ctx.recoverable,
                "positioned": ctx.positioned,
                "wasRecovering": ctx.was_recovering,
                "recovered": ctx.recovered,
            }
        )

    async def on_publication(self, ctx):
        await self.publications.add({"offset": ctx.pub.offset, "data": self.decode(ctx.pub.data)})


class Guest:
    def __init__(self, params):
        self.protobuf = params["encoding"] == "protobuf"
        self.connections = Connections()
        self.rooms = {}
        self.client = Client(
            params["url"],
            events=self.connections,
            get_token=lambda: fetch(params["tokenUrl"]),
            use_protobuf=self.protobuf,
            timeout=WAIT_S,
            min_reconnect_delay=0.05,
            max_reconnect_delay=0.2,
            proxy=None,
        )

    def encode(self, data):
        return json.dumps(data).encode() if self.protobuf else data

    def decode(self, data):
        return json.loads(data) if self.protobuf else data


guests = {}


async def fetch(url):
    def get():
        with urllib.request.urlopen(url, timeout=WAIT_S) as response:
            return response.read().decode()

    return await asyncio.to_thread(get)


async def open_client(params):
    guest = Guest(params)
    guests[params["client"]] = guest
    await guest.client.connect()
    await guest.connections.ids.at_least(1)


async def subscribe(params):
    guest = guests[params["client"]]
    room = Room(guest.decode)
    guest.rooms[params["channel"]] = room
    options = {}
    if "tokenUrl" in params:
        options["get_token"] = lambda channel: fetch(params["tokenUrl"])
    subscription = guest.client.new_subscription(params["channel"], events=room, recoverable=True, **options)
    await subscription.subscribe()
    return (await room.answers.at_least(1))[0]


async def publish(params):
    guest = guests[params["client"]]
    await guest.client.publish(params["channel"], guest.encode(params["data"]))


async def rpc(params):
    guest = guests[params["client"]]
    result = await guest.client.rpc(params["method"], guest.encode(params["data"]))
    return guest.decode(result.data)


async def presence(params):
    result = await guests[params["client"]].client.presence(params["channel"])
    return [{"client": one.client, "user": one.user} for one in result.clients.values()]


async def presence_stats(params):
    result = await guests[params["client"]].client.presence_stats(params["channel"])
    return {"clients": result.num_clients, "users": result.num_users}


async def history(params):
    guest = guests[params["client"]]
    result = await guest.client.history(params["channel"], limit=params["limit"], reverse=params["reverse"])
    publications = [{"offset": one.offset, "data": guest.decode(one.data)} for one in result.publications]
    return {"offset": result.offset, "publications": publications}


async def publications(params):
    return await guests[params["client"]].rooms[params["channel"]].publications.at_least(params["count"])


async def answers(params):
    return await guests[params["client"]].rooms[params["channel"]].answers.at_least(params["count"])


async def ids(params):
    return guests[params["client"]].connections.ids.items


async def close(params):
    await guests.pop(params["client"]).client.disconnect()


COMMANDS = {
    "open": open_client,
    "subscribe": subscribe,
    "publish": publish,
    "rpc": rpc,
    "presence": presence,
    "presenceStats": presence_stats,
    "history": history,
    "publications": publications,
    "answers": answers,
    "ids": ids,
    "close": close,
}


async def answer(line):
    request = json.loads(line)
    reply = {"id": request["id"]}
    try:
        reply["result"] = await COMMANDS[request["method"]](request.get("params"))
    except BaseException:
        reply["error"] = traceback.format_exc()
    print(json.dumps(reply), flush=True)


async def main():
    loop = asyncio.get_running_loop()
    running = set()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = asyncio.create_task(answer(line))
        running.add(task)
        task.add_done_callback(running.discard)


asyncio.run(main())

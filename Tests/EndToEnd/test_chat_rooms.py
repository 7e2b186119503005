#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Two hundred people in ten rooms: who is in a room hears all of it, once and in each speaker's order, and nobody else does."""
import asyncio
import json
import random
from collections import Counter

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

CLIENTS, ROOMS, MESSAGES = 200, 10, 12

CHAT = """
local chat = { path = "/chat/:room", on = {} }
local connects, closes, open = 0, 0, {}

function chat.connect(conn)
  connects = connects + 1
  assert(not open[conn.id], "connected twice")
  open[conn.id] = true
  conn.state.name = conn.query.name
  local room = conn:join(conn.params.room)
  room:broadcast({ type = "joined", name = conn.state.name }, { except = conn })
  conn:send { type = "welcome", here = room.count }
end

function chat.on.say(conn, msg)
  local n = ws.room(conn.rooms[1]):broadcast { type = "said", name = conn.state.name, number = msg.number }
  conn:send { type = "heard", n = n }
end

function chat.on.move(conn, msg)
  for _, name in ipairs(conn.rooms) do
    conn:leave(name)
    ws.room(name):broadcast { type = "left", name = conn.state.name }
  end
  conn:join(msg.to):broadcast { type = "joined", name = conn.state.name }
  conn:send { type = "moved", to = conn.rooms }
end

function chat.on.count(conn)
  local rooms, n = {}, 0
  for name in ws.rooms() do rooms[name] = ws.room(name).count end
  for _ in pairs(open) do n = n + 1 end
  conn:send { type = "counts", connects = connects, closes = closes, open = n, rooms = rooms }
end

function chat.close(conn)
  closes = closes + 1
  assert(open[conn.id], "closed twice, or never connected")
  open[conn.id] = nil
  assert(#conn.rooms == 1)
  ws.room(conn.rooms[1]):broadcast { type = "left", name = conn.state.name }
end

return chat
"""


class Person:
    """A client that keeps what it has heard, in order."""

    def __init__(self, server, number, room):
        self.server, self.name, self.room = server, f"p{number}", room
        self.heard = []
        self.changed = asyncio.Condition()

    async def enter(self):
        url = self.server.url(f"/chat/{self.room}?name={self.name}")
        self.socket = await connect(url, compression=None, ping_interval=None, open_timeout=30)
        self.reader = asyncio.create_task(self._read())
        return self

    async def _read(self):
        try:
            async for text in self.socket:
                async with self.changed:
                    self.heard.append(json.loads(text))
                    self.changed.notify_all()
        except ConnectionClosed:
            pass

    def of(self, kind):
        return [message for message in self.heard if message["type"] == kind]

    async def say(self, **message):
        await self.socket.send(json.dumps(message))

    async def until(self, kind, count):
        """Waits until so many messages of that kind are there."""
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: len(self.of(kind)) >= count), 30)

    async def ask(self, kind, **message):
        """What the answer of that kind says."""
        before = len(self.of(kind))
        await self.say(**message)
        await self.until(kind, before + 1)
        return self.of(kind)[before]

    async def leave(self):
        await self.socket.close()
        await self.reader

    def vanish(self):
        """Ends the connection without a Close frame, by a reset or an end of input."""
        self.socket.transport.abort()


def names(people):
    return sorted(person.name for person in people)


async def crowd(server, count=CLIENTS):
    """So many people, dealt out over the rooms; they come in turn, so that it is known who saw whom come."""
    people = []
    for number in range(count):
        people.append(await Person(server, number, f"room-{number % ROOMS}").enter())
    for person in people:
        await person.until("welcome", 1)
    return people


async def counts_once(asker, holds):
    """What the script has counted, once `holds` is true of it."""
    end = asyncio.get_running_loop().time() + 30
    while not holds(counts := await asker.ask("counts", type="count")):
        assert asyncio.get_running_loop().time() < end, counts
        await asyncio.sleep(0.05)
    return counts


async def part(people):
    await asyncio.gather(*(person.leave() for person in people))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("loops", [1, 2])
async def test_everything_is_heard_once_and_in_order(start, loops):
    server = start({"chat.lua": CHAT}, settings={"threads.io": loops})
    people = await crowd(server)
    rooms = {room: [person for person in people if person.room == room] for room in {p.room for p in people}}

    async def talk(person):
        for number in range(MESSAGES):
            await person.say(type="say", number=number)

    await asyncio.gather(*(talk(person) for person in people))
    size = CLIENTS // ROOMS
    for person in people:
        await person.until("said", size * MESSAGES)
        await person.until("heard", MESSAGES)
    for members in rooms.values():
        assert len(members) == size
        for place, person in enumerate(members):
            # Those who came later were seen to come, in the order in which they did.
            assert [message["name"] for message in person.of("joined")] == [p.name for p in members[place + 1 :]]
            assert person.of("welcome") == [{"type": "welcome", "here": place + 1}]
            assert person.of("heard") == [{"type": "heard", "n": size}] * MESSAGES
            said = {}
            for message in person.of("said"):
                said.setdefault(message["name"], []).append(message["number"])
            assert said == {other.name: list(range(MESSAGES)) for other in members}
        # All of a room on one loop hear the same order; who speaks is heard in the order of the script by all.
        orders = {tuple((m["name"], m["number"]) for m in person.of("said")) for person in members}
        assert len(orders) == 1
    counts = await people[0].ask("counts", type="count")
    assert counts["rooms"] == {room: size for room in rooms}
    assert (counts["connects"], counts["closes"], counts["open"]) == (CLIENTS, 0, CLIENTS)
    await part(people)
    server.stop()
    assert '"level":"error"' not in server.log.text and "script error" not in server.log.text


@pytest.mark.timeout(180)
@pytest.mark.parametrize("loops", [1, 2])
async def test_joins_and_leaves_are_right(start, loops):
    server = start({"chat.lua": CHAT}, settings={"threads.io": loops})
    people = await crowd(server, 40)
    chance = random.Random(7)
    heard = Counter()
    for person in people:
        heard[person.name] = len(person.of("left"))
    for _ in range(60):
        person = chance.choice(people)
        old = person.room
        new = chance.choice([room for n in range(ROOMS) if (room := f"room-{n}") != old])
        before = {other.name: (len(other.of("left")), len(other.of("joined"))) for other in people}
        answer = await person.ask("moved", type="move", to=new)
        assert answer["to"] == [new]
        person.room = new
        stayed = [other for other in people if other.room == old and other is not person]
        there = [other for other in people if other.room == new]
        for other in stayed:
            await other.until("left", before[other.name][0] + 1)
            assert other.of("left")[-1]["name"] == person.name
        for other in there:
            await other.until("joined", before[other.name][1] + 1)
            assert other.of("joined")[-1]["name"] == person.name
    # Whoever speaks now is heard where they are, and a person of another room hears nothing of it.
    for person in people:
        await person.say(type="say", number=0)
    for person in people:
        here = [other for other in people if other.room == person.room]
        await person.until("said", len(here))
        await person.until("heard", 1)
    for person in people:
        here = [other for other in people if other.room == person.room]
        assert sorted(message["name"] for message in person.of("said")) == names(here)
    counts = await people[0].ask("counts", type="count")
    assert counts["rooms"] == dict(Counter(person.room for person in people))
    await part(people)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("loops", [1, 2])
async def test_killed_clients_have_one_close_each(start, loops):
    server = start({"chat.lua": CHAT}, settings={"threads.io": loops})
    people = await crowd(server)
    chance = random.Random(11)
    asker = people.pop()

    async def talk(person):
        try:
            for number in range(MESSAGES):
                await person.say(type="say", number=number)
                await asyncio.sleep(0)
        except ConnectionClosed:
            pass

    killed = chance.sample(people, 120)

    async def kill():
        for person in killed:
            if chance.random() < 0.3:
                await person.socket.close()
            else:
                person.vanish()
            await asyncio.sleep(chance.random() * 0.002)

    await asyncio.gather(kill(), *(talk(person) for person in people))
    counts = await counts_once(asker, lambda counts: counts["closes"] >= len(killed))
    assert counts["closes"] == len(killed)
    assert counts["connects"] == CLIENTS
    assert counts["open"] == CLIENTS - len(killed)
    left = [person for person in people if person not in killed] + [asker]
    assert counts["rooms"] == dict(Counter(person.room for person in left))
    # Those who stayed have heard of each in their room who left, once.
    for person in left:
        gone = names(other for other in killed if other.room == person.room)
        await person.until("left", len(gone))
        assert sorted(message["name"] for message in person.of("left")) == gone
    await part([person for person in left if person is not asker])
    counts = await counts_once(asker, lambda counts: counts["closes"] == CLIENTS - 1)
    assert (counts["open"], counts["rooms"]) == (1, {asker.room: 1})
    await asker.leave()
    server.stop()
    assert "script error" not in server.log.text

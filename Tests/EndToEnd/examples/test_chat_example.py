#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""examples/chat: rooms, names, who is here, who is typing."""
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from example_scripts import assert_is_page, receive, scripts_of_example, send


@pytest.fixture
def chat(start):
    return start(scripts_of_example("chat"), "--dev", settings={"threads.io": 2})


def url(server, room, name):
    return server.url(f"/chat/{room}?name={name}")


async def test_tells_who_is_here_and_who_comes_and_goes(chat):
    async with connect(url(chat, "lobby", "Bob")) as bob:
        welcome = await receive(bob)
        me = {"id": welcome["id"], "name": "Bob", "typing": False}
        assert welcome == {
            "type": "welcome", "id": me["id"], "name": "Bob", "room": "lobby", "here": [me], "recent": [],
        }
        async with connect(url(chat, "lobby", "Ada%20L%C3%B6ve")) as ada:
            welcome = await receive(ada)
            assert [person["name"] for person in welcome["here"]] == ["Ada Löve", "Bob"]
            joined = await receive(bob)
            assert joined == {"type": "joined", "id": welcome["id"], "name": "Ada Löve"}
        assert await receive(bob) == {"type": "left", "id": joined["id"], "name": "Ada Löve"}


async def test_what_is_said_reaches_the_room_and_no_other(chat):
    async with connect(url(chat, "red", "Ada")) as ada, connect(url(chat, "red", "Bob")) as bob, connect(
        url(chat, "blue", "Cid")
    ) as cid:
        for client in (ada, bob, cid):
            assert (await receive(client))["type"] == "welcome"
        assert (await receive(ada))["type"] == "joined"
        await send(ada, type="say", text="hello, <b>red</b>")
        said = await receive(bob)
        assert said == await receive(ada)
        assert isinstance(said.pop("at"), float) and len(said.pop("id")) == 22
        assert said == {"type": "said", "name": "Ada", "text": "hello, <b>red</b>"}
        await send(cid, type="say", text="blue")
        assert (await receive(cid))["text"] == "blue"


async def test_newcomer_reads_the_last_twenty(chat):
    async with connect(url(chat, "lobby", "Ada")) as ada:
        await receive(ada)
        for number in range(25):
            await send(ada, type="say", text=str(number))
            assert (await receive(ada))["text"] == str(number)
        async with connect(url(chat, "lobby", "Bob")) as bob:
            recent = (await receive(bob))["recent"]
            assert [said["text"] for said in recent] == [str(number) for number in range(5, 25)]
            assert {said["type"] for said in recent} == {"said"}
    # Both have left, and the room has forgotten.
    async with connect(url(chat, "lobby", "Cid")) as cid:
        assert (await receive(cid))["recent"] == []


async def test_typing_is_told_once_and_ends_with_what_is_said(chat):
    async with connect(url(chat, "lobby", "Ada")) as ada, connect(url(chat, "lobby", "Bob")) as bob:
        id = (await receive(ada))["id"]
        await receive(bob)
        await receive(ada)
        await send(ada, type="typing", on=True)
        await send(ada, type="typing", on=True)
        assert await receive(bob) == {"type": "typing", "id": id, "on": True}
        async with connect(url(chat, "lobby", "Cid")) as cid:
            here = (await receive(cid))["here"]
            assert {person["name"]: person["typing"] for person in here} == {"Ada": True, "Bob": False, "Cid": False}
            assert (await receive(bob))["type"] == "joined"
            await send(ada, type="say", text="done")
            assert (await receive(bob))["type"] == "said"
            await send(ada, type="typing", on=False)
            await send(ada, type="typing", on=True)
            assert await receive(bob) == {"type": "typing", "id": id, "on": True}


@pytest.mark.parametrize("name", ["", "?name=", "?name=%20", "?name=a%0Ab", "?name=" + "%C3%A4" * 33])
async def test_nobody_comes_in_without_a_name(chat, name):
    with pytest.raises(InvalidStatus) as refused:
        await connect(chat.url("/chat/lobby" + name))
    assert refused.value.response.status_code == 400
    assert b"?name=" in refused.value.response.body


async def test_long_name_of_a_room_is_refused(chat):
    async with connect(chat.url(f"/chat/{'r' * 256}?name=Ada")):
        pass
    with pytest.raises(InvalidStatus) as refused:
        await connect(chat.url(f"/chat/{'r' * 257}?name=Ada"))
    assert refused.value.response.status_code == 400


async def test_mistakes_of_a_client_are_told_to_it_alone(chat):
    async with connect(url(chat, "lobby", "%C3%A4" * 32)) as ada:
        await receive(ada)
        for text, why in [
            ("no json", "this is no JSON"),
            ("[1]", "this type is not known"),
            ('{"type": "shout"}', "this type is not known"),
            ('{"text": "x"}', "this type is not known"),
            ('{"type": "say"}', "say: text must have 1 to 1000 characters"),
            ('{"type": "say", "text": ""}', "say: text must have 1 to 1000 characters"),
            ('{"type": "say", "text": 5}', "say: text must have 1 to 1000 characters"),
            ('{"type": "say", "text": "%s"}' % ("ä" * 1001), "say: text must have 1 to 1000 characters"),
        ]:
            await ada.send(text)
            assert await receive(ada) == {"type": "error", "why": why}
        await send(ada, type="say", text="ä" * 1000)
        assert (await receive(ada))["text"] == "ä" * 1000


async def test_floods_are_closed(chat):
    async with connect(url(chat, "lobby", "Ada")) as ada:
        with pytest.raises(ConnectionClosed) as closed:
            for number in range(200):
                await send(ada, type="typing", on=number % 2 == 0)
            while True:
                await ada.recv()
    assert closed.value.rcvd.code == 1008


def test_serves_its_page(chat):
    assert_is_page(chat, "/chat/lobby")

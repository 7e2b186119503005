#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""docs/scripting.md keeps its word: the scripts in it run, the tutorial goes as it says, and its links lead somewhere."""
import base64
import hashlib
import hmac
import json
import re
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from documented import MANUAL
from nightjar import ROOT, run

KEY = "a key of thirty-two characters or more"


def blocks(language="lua"):
    """The code blocks of the manual, each with the heading that it stands under."""
    found = []
    heading, block = "", None
    for line in MANUAL.read_text().splitlines():
        if block is None and line.startswith("#"):
            heading = line.lstrip("# ")
        if line.startswith("```"):
            if block is not None:
                found.append((heading, "\n".join(block)))
            block = [] if block is None and line == f"```{language}" else None
        elif block is not None:
            block.append(line)
    return found


def is_whole(block):
    """Whether a block is a script of its own, and no part of one."""
    return re.search(r"^return \w+$", block, re.MULTILINE) is not None


def block_under(heading):
    (block,) = [block for title, block in blocks() if title == heading]
    return block


def as_script(block):
    """A part as a script: what gives the table a handler or a setting, or else what stands in a handler."""
    if re.search(r"^(function )?route\.", block, re.MULTILINE) or re.search(r"^local \w+ = \{", block):
        table = re.search(r"^local (\w+) = \{ (?!message)", block)
        given = "" if re.search(r"^local route =", block, re.MULTILINE) or table else "local route = { on = {} }\n"
        return f"{given}{block}\nreturn {table[1] if table else 'route'}"
    return f"return {{ message = function(conn, data, kind)\nlocal room, req, msg, key\n{block}\nend }}"


def test_every_example_loads(start):
    """The names in an example exist for the compiler and for the check of the returned table."""
    parts = [block for _, block in blocks() if not is_whole(block)]
    assert len(parts) > 80
    scripts = {f"part{number}.lua": as_script(block) for number, block in enumerate(parts)}
    start(scripts, environment={"TOKEN_KEY": KEY})


@pytest.fixture
def talk(start):
    """Starts the script of a step of the tutorial."""
    return lambda step: start({"talk.lua": block_under(step)}, "--dev")


def test_echo_and_chat_are_those_that_come_with_the_server():
    assert block_under("1. Echo") + "\n" == (ROOT / "scripts/echo.lua").read_text()
    assert block_under("6. A chat") + "\n" == (ROOT / "scripts/chat.lua").read_text()


async def test_route_of_your_own(talk):
    server = talk("2. A route of your own")
    async with connect(server.url("/talk")) as one, connect(server.url("/talk")) as two:
        for client in (one, two):
            assert await client.recv() == "hello, whoever you are"
        await one.send("hi")
        assert await one.recv() == await two.recv() == "hi"


async def test_rooms(talk):
    server = talk("3. Rooms")
    garden = server.url("/talk/garden")
    async with connect(garden) as one, connect(garden) as two, connect(server.url("/talk/kitchen")) as three:
        await one.send("roses")
        assert await one.recv() == await two.recv() == "roses"
        await three.send("bread")
        assert await three.recv() == "bread", "it has heard nothing of the garden"


async def test_names(talk):
    server = talk("4. Names")
    async with connect(server.url("/talk/garden?name=Ada")) as client:
        await client.send("roses")
        assert await client.recv() == "Ada: roses"
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.url("/talk/garden"))
    assert refused.value.response.status_code == 400


async def test_messages_with_a_type(talk):
    server = talk("5. Messages with a type")
    async with connect(server.url("/talk/garden?name=Ada")) as client:
        await client.send('{"type": "say", "text": "hello"}')
        assert json.loads(await client.recv()) == {"type": "said", "name": "Ada", "text": "hello"}


async def test_chat(talk):
    server = talk("6. A chat")
    async with connect(server.url("/chat/garden?name=Ada")) as ada:
        welcome = json.loads(await ada.recv())
        assert (welcome["type"], welcome["here"]) == ("welcome", 1)
        async with connect(server.url("/chat/garden?name=Bob")) as bob:
            assert json.loads(await bob.recv())["here"] == 2
            assert json.loads(await ada.recv()) == {"type": "joined", "name": "Bob", "here": 2}
            await bob.send('{"type": "say", "text": "hello"}')
            said = {"type": "said", "name": "Bob", "text": "hello"}
            assert json.loads(await ada.recv()) == json.loads(await bob.recv()) == said
        assert json.loads(await ada.recv()) == {"type": "left", "name": "Bob"}


def test_misspelt_handler_is_told_as_the_manual_says(tmp_path):
    told = re.search(r"^nightjar: talk\.lua:.*?(?=^```)", MANUAL.read_text(), re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "talk.lua").write_text(block_under("4. Names").replace("talk.message", "talk.mesage"))
    assert run("serve", tmp_path, "--port", 0, cwd=tmp_path).stderr == told


def test_check_tells_what_the_manual_shows(tmp_path):
    told = re.search(r"^```\n(scripts/chat\.lua:.*?)^```", MANUAL.read_text(), re.MULTILINE | re.DOTALL)[1]
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/echo.lua").write_text("return {}")
    (tmp_path / "scripts/chat.lua").write_text("\n" * 13 + '  conn:send("hi" text)\n')
    talk = ["local talk = {}", "", "function talk.message(conn, data)", '  if data ~= "" then', "    conn:send(data)"]
    (tmp_path / "scripts/talk.lua").write_text("\n".join([*talk, "", "end", "", "return talk"]))
    ended = run("check", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (1, told)


# MARK: The token


def token(user="ada", expires=3600, key=KEY, payload=None):
    """A token made by another program, in another way than the manual's."""
    text = json.dumps({"sub": user, "exp": time.time() + expires}) if payload is None else payload
    body = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    signature = hmac.new(key.encode(), body.encode(), hashlib.sha256).digest()
    return body + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


@pytest.fixture
def private(start, tmp_path):
    configuration = tmp_path / "nightjar.yaml"
    configuration.write_text("env: [TOKEN_KEY]\n")
    scripts = {"private.lua": block_under("A token in `upgrade`")}
    return start(scripts, "--config", configuration, environment={"TOKEN_KEY": KEY})


async def test_token_lets_its_user_in(private):
    async with connect(private.url("/private?token=" + token())) as client:
        assert json.loads(await client.recv()) == {"type": "welcome", "user": "ada"}
    async with connect(private.url("/private"), additional_headers={"cookie": "token=" + token("bob")}) as client:
        assert json.loads(await client.recv()) == {"type": "welcome", "user": "bob"}


async def test_token_of_the_manual_is_taken(private, monkeypatch):
    monkeypatch.setenv("TOKEN_KEY", KEY)
    ((_, source),) = blocks("python")
    names = {}
    exec(source, names)
    async with connect(private.url("/private?token=" + names["token"]("eve"))) as client:
        assert json.loads(await client.recv()) == {"type": "welcome", "user": "eve"}


@pytest.mark.parametrize(
    "query, why",
    [
        ("", "no token"),
        ("?token=x", "no token"),
        ("?token=" + token(key="another key of the same length ......."), "wrong signature"),
        ("?token=" + token()[:-1], "wrong signature"),
        ("?token=" + token("eve").split(".")[0] + "." + token().split(".")[1], "wrong signature"),
        ("?token=" + token(expires=-1), "expired"),
        ("?token=" + token(payload="[]"), "no claims"),
        ("?token=" + token(payload="no json"), "no claims"),
        ("?token=" + token(payload='{"sub": "ada"}'), "no claims"),
    ],
)
async def test_no_other_token_does(private, query, why):
    with pytest.raises(InvalidStatus) as refused:
        await connect(private.url("/private" + query))
    assert (refused.value.response.status_code, refused.value.response.body) == (401, why.encode())


async def test_connection_ends_with_its_token(private):
    async with connect(private.url("/private?token=" + token(expires=1))) as client:
        await client.recv()
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "expired")


# MARK: Links


def anchor(heading):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_links_lead_somewhere():
    for path in [MANUAL, ROOT / "README.md", *(ROOT / "examples").rglob("README.md")]:
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
            if link.startswith("http"):
                continue
            file, _, name = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target.exists(), f"{path}: {link}"
            if name:
                headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
                assert name in [anchor(heading) for heading in headings], f"{path}: {link}"

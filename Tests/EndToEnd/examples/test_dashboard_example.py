#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""examples/dashboard: another process posts values, pages get what changed."""
import asyncio
import json
import os
import subprocess
import sys

import pytest
from websockets.asyncio.client import connect

from example_scripts import ask, assert_is_page, receive, scripts_of_example
from nightjar import PATIENCE, ROOT, run

FOLDER = ROOT / "examples/dashboard"
KEY = "a key for the test"


@pytest.fixture
def dashboard(start):
    return start(
        scripts_of_example("dashboard"),
        "--config",
        FOLDER / "nightjar.yaml",
        settings={"threads.io": 2},
        environment={"DASHBOARD_KEY": KEY},
    )


def post(server, values, key=KEY):
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    headers = {"authorization": f"Bearer {key}"} if key is not None else {}
    status, _, answer = ask(f"http://127.0.0.1:{server.port}/dashboard", "POST", body, headers)
    return status, answer.decode()


async def test_page_gets_everything_then_what_changed(dashboard):
    assert post(dashboard, {"load": 1.5, "free": 100}) == (204, "")
    async with connect(dashboard.url("/dashboard")) as page:
        everything = await receive(page)
        assert (everything["type"], everything["every"]) == ("all", 0.25)
        assert everything["values"] == {"load": 1.5, "free": 100}
        # The first delta has both or was before the page came.
        assert post(dashboard, {"load": 2, "free": 100})[0] == 204
        changed = {}
        while changed.get("load") != 2:
            delta = await receive(page)
            assert delta["type"] == "delta" and isinstance(delta["at"], float)
            changed = delta["values"]
        # What is posted again as it was is no change, and without a change nothing is sent.
        assert post(dashboard, {"load": 2})[0] == 204
        assert post(dashboard, {"new": -1})[0] == 204
        delta = await receive(page)
        assert delta["values"] == {"new": -1}
        async with connect(dashboard.url("/dashboard")) as second:
            everything = await receive(second)
            assert everything["values"] == {"load": 2, "free": 100, "new": -1}
            assert everything["history"][-1] == {"at": delta["at"], "values": {"new": -1}}


async def test_many_posts_between_two_ticks_are_one_delta(dashboard):
    async with connect(dashboard.url("/dashboard")) as page:
        assert await receive(page) | {"at": 0} == {"type": "all", "at": 0, "values": {}, "history": [], "every": 0.25}
        count = 0
        for number in range(100):
            assert post(dashboard, {"n": number})[0] == 204
        while True:
            delta = await receive(page)
            count += 1
            if delta["values"] == {"n": 99}:
                break
        assert count < 100


@pytest.mark.parametrize("key", [None, "", "wrong", KEY[:-1], KEY + "x"])
def test_wrong_key_is_refused_and_changes_nothing(dashboard, key):
    assert post(dashboard, {"load": 1}, key) == (401, "wrong key")
    assert post(dashboard, {"load": 1}) == (204, "")


@pytest.mark.parametrize(
    "values, why",
    [
        (b"{", "no JSON at byte"),
        (b"[1]", "a name has 1 to 64 bytes"),
        (b"5", "the body must be an object of numbers"),
        ({"load": "high"}, "every value must be a number"),
        ({"": 1}, "a name has 1 to 64 bytes"),
        ({"x" * 65: 1}, "a name has 1 to 64 bytes"),
        ({f"n{number}": 1 for number in range(51)}, "there may be 50 names"),
    ],
)
async def test_wrong_body_is_refused_whole(dashboard, values, why):
    status, answer = post(dashboard, values)
    assert status == 400 and why in answer
    async with connect(dashboard.url("/dashboard")) as page:
        assert (await receive(page))["values"] == {}


def test_serves_its_page(dashboard):
    assert_is_page(dashboard, "/dashboard")


def test_does_not_start_without_a_key(tmp_path):
    arguments = ["serve", FOLDER / "scripts", "--config", FOLDER / "nightjar.yaml", "--port", 0]
    ended = run(*arguments, cwd=tmp_path, environment={"DASHBOARD_KEY": ""})
    assert ended.returncode != 0
    assert "set DASHBOARD_KEY" in ended.stderr


async def test_the_posting_process_posts(dashboard):
    command = [sys.executable, FOLDER / "post.py", "--every", "0.01", "--count", "3"]
    command.append(f"http://127.0.0.1:{dashboard.port}/dashboard")
    async with connect(dashboard.url("/dashboard")) as page:
        await receive(page)
        ended = await asyncio.to_thread(
            subprocess.run, command, env=os.environ | {"DASHBOARD_KEY": KEY}, capture_output=True, timeout=PATIENCE
        )
        assert ended.returncode == 0, ended.stderr
        values = (await receive(page))["values"]
        assert {"load", "wandering"} <= values.keys()
    ended = subprocess.run(
        command, env=os.environ | {"DASHBOARD_KEY": "wrong"}, capture_output=True, text=True, timeout=PATIENCE
    )
    assert ended.returncode == 1 and "refused with 401: wrong key" in ended.stderr

#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The pages of examples/dashboard and examples/cursors."""
import asyncio
import json
import urllib.request

import pytest

from example_scripts import scripts_of_example


def post(server, values):
    headers = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/dashboard", json.dumps(values).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 204


@pytest.fixture
def dashboard(start):
    return start(scripts_of_example("dashboard"), environment={"DASHBOARD_KEY": "secret"}, settings={"env": "DASHBOARD_KEY"})


async def test_dashboard_draws_what_is_posted(browser, dashboard):
    async with browser.profile_of_its_own() as open_page:
        page = await open_page(f"http://127.0.0.1:{dashboard.port}/dashboard")
        await page.wait_for_text("#state", "Live")
        for load in (1.5, 0.5, 2.25):
            post(dashboard, {"load": load, "free memory": 12000 + load})
            await asyncio.sleep(0.3)
        await page.wait_for_text(".card .now", "2.25")
        assert await page.text(".card:first-child h2") == "free memory"
        assert await page.text(".card:last-child h2") == "load"
        await page.wait_for_text(".card:last-child .range", "0.5 to 2.25 in this minute")
        assert (await page.evaluate("document.querySelector('.card:last-child .curve').getAttribute('d')")).count("V") >= 1
        await page.click("#pause")
        before = await page.evaluate("document.querySelector('.curve').getAttribute('d')")
        await asyncio.sleep(0.2)
        assert await page.evaluate("document.querySelector('.curve').getAttribute('d')") == before
        await page.click("#pause")
        # Who opens the page later sees what was.
        late = await open_page(f"http://127.0.0.1:{dashboard.port}/dashboard", width=360, scheme="dark")
        await late.wait_for_text(".card:last-child .range", "0.5 to 2.25 in this minute")
        await late.reads_well()
        await page.reads_well()
        await late.screenshot("dashboard-dark-360")
        await page.screenshot("dashboard-light")


async def test_cursors_follow_each_other(browser, start):
    server = start(scripts_of_example("cursors"))
    async with browser.profile_of_its_own() as open_page:
        url = f"http://127.0.0.1:{server.port}/cursors"
        one = await open_page(url, width=1000, height=700)
        await one.wait_for_text("#state", "Connected")
        two = await open_page(url, width=400, height=700, scheme="dark")
        await two.wait_for_text("#state", "Connected")
        for step in range(30):
            await one.move_mouse(300 + 10 * step, 300 + step)
            await asyncio.sleep(0.01)
        # The same place on another screen, in units of the board.
        mine = await one.evaluate("[mine.x, mine.y].map(Math.round)")
        number = await one.evaluate("me")
        await two.wait_for(f"JSON.stringify(cursors.get({number})?.slice(-1).map(({{ x, y }}) => [x, y])[0]) === '{json.dumps(mine).replace(' ', '')}'")
        assert await two.text("#count") == "2 cursors"
        # It is drawn where it is: the arrow's tip lies a little right of and below the place.
        tip = f"pen.getImageData({mine[0]} / 65535 * board.width + 2, {mine[1]} / 65535 * board.height + 6, 1, 1).data[3] === 255"
        await two.wait_for(tip)
        # It went there in steps, and did not jump.
        assert await two.evaluate(f"cursors.get({number}).length") > 2
        await two.click("#board")
        await two.press("ArrowRight")
        await one.wait_for_text("#count", "2 cursors")
        await one.screenshot("cursors-light")
        await two.screenshot("cursors-dark-400")
        await one.reads_well()
        await two.reads_well()
        await one.go_to("about:blank")
        await two.wait_for_text("#count", "Only you")

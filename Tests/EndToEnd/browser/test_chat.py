#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The chat of examples/chat, as people in several tabs use it."""
import pytest

from example_scripts import scripts_of_example


async def enter(open_page, server, room, name, **options):
    """A tab of somebody who has entered a room."""
    page = await open_page(f"http://127.0.0.1:{server.port}/chat/{room}", **options)
    assert await page.focused() == "name"
    await page.press("a", "ctrl")
    await page.type(name)
    await page.press("Enter")
    await page.wait_for_text("#state", "Connected")
    assert await page.focused() == "text"
    return page


async def say(page, text):
    await page.write("#text", text)
    await page.press("Enter")


async def test_two_tabs_talk(browser, start):
    server = start(scripts_of_example("chat"))
    async with browser.profile_of_its_own() as open_page:
        ada = await enter(open_page, server, "lobby", "Ada")
        assert await ada.text("#room") == "lobby"
        bo = await enter(open_page, server, "lobby", "Bo", scheme="dark")
        await ada.wait_for_text(".news", "Bo joined")
        assert (await ada.text("#people")).split("\n") == ["Ada (you)", "Bo"]
        assert (await bo.text("#people")).split("\n") == ["Ada", "Bo (you)"]

        await bo.type("hel")
        await ada.wait_for_text("#typing", "Bo is typing…")
        await ada.screenshot("chat-typing")
        await bo.type("lo")
        await bo.press("Enter", "shift")
        await bo.type("<b>Ada</b>")
        await bo.press("Enter")
        await ada.wait_for_text(".said p", "hello\n<b>Ada</b>")
        await bo.wait_for_text(".said p", "hello\n<b>Ada</b>")
        assert await ada.text("#typing") == ""
        assert await bo.value("#text") == ""
        await say(ada, "Hello Bo.")
        await bo.wait_for_text(".said .name", "Ada")
        await say(ada, "This stands under the same name.")
        await bo.wait_for_text(".said.more p", "This stands under the same name.")

        # Who comes later reads what was said; another room hears nothing.
        elsewhere = await enter(open_page, server, "kitchen", "Cy")
        dee = await enter(open_page, server, "lobby", "Dee", width=360, height=700)
        await dee.wait_for("document.querySelectorAll('.said').length === 3")
        await dee.screenshot("chat-light-360")
        await bo.screenshot("chat-dark")
        assert await elsewhere.text("#people") == "Cy (you)"
        assert await elsewhere.evaluate("document.querySelectorAll('.said').length") == 0

        # A tab that goes to another room leaves this one, and keeps its name.
        await dee.write("#other", "kitchen")
        await dee.press("Enter")
        await ada.wait_for_text(".news", "Dee left")
        await elsewhere.wait_for_text(".news", "Dee joined")
        await dee.wait_for_text("#room", "kitchen")
        await ada.screenshot("chat-light")
        # The way back leads to a page that the browser may have kept: it connects again.
        # Begun behind the answer, which a page that goes may take along.
        await dee.evaluate("setTimeout(() => history.back())")
        await elsewhere.wait_for_text(".news", "Dee left")
        await dee.wait_for_text("#state", "Connected")
        await dee.wait_for_text("#room", "lobby")
        await say(dee, "back again")
        await ada.wait_for_text(".said p", "back again")


async def test_comes_back_when_the_server_is_back(browser, start):
    server = start(scripts_of_example("chat"))
    async with browser.profile_of_its_own() as open_page:
        ada = await enter(open_page, server, "lobby", "Ada")
        await say(ada, "before")
        await ada.wait_for_text(".said p", "before")
        server.stop()
        await ada.wait_for_text("#state", "Connection lost")
        assert await ada.text("#here") == "Nobody here"
        await say(ada, "nobody hears")
        assert await ada.value("#text") == "nobody hears", "what could not be sent stays in the field"
        start(scripts_of_example("chat"), settings={"listen": f"ws://127.0.0.1:{server.port}"})
        await ada.wait_for_text("#state", "Connected")
        await ada.press("Enter")
        await ada.wait_for_text(".said p", "nobody hears")
        assert await ada.evaluate("document.querySelectorAll('.said').length") == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_reads_well(browser, start, scheme):
    server = start(scripts_of_example("chat"))
    async with browser.profile_of_its_own() as open_page:
        ada = await enter(open_page, server, "a-room-with-a-name-that-is-quite-long", "Ada", width=360, scheme=scheme)
        await enter(open_page, server, "a-room-with-a-name-that-is-quite-long", "Somebody with a long name")
        await say(ada, "A message that is long enough to need more than one line on a telephone, andonewordthatistoolongforanyline.")
        await ada.wait_for_text(".said p", "A message")
        await ada.reads_well()

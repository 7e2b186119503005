#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The console of --dev, as a developer uses it."""
import asyncio
import re

import pytest

from nightjar import Nightjar
from tls import make_certificate

SCRIPTS = {
    "flood.lua": """
        local flood = {}
        function flood.message(conn, data)
          for number = 1, tonumber(data) do conn:send("line " .. number) end
        end
        return flood
    """,
    "talk.lua": """
        return { path = "/talk/:room/:name", protocols = { "talk.v1" }, message = function(conn, data) conn:send(data) end }
    """,
    "leave.lua": """
        local leave = {}
        function leave.message(conn, data) conn:close(4321, data) end
        function leave.close(conn, code, reason) print("left with " .. code .. " " .. reason) end
        return leave
    """,
}

ROWS = "[...document.querySelectorAll('.row:not(.event)')]"


@pytest.fixture(scope="module")
def server(tmp_path_factory, echo):
    server = Nightjar(tmp_path_factory.mktemp("console"), SCRIPTS | echo, "--dev")
    yield server
    server.stop()


def console_of(server):
    return f"http://127.0.0.1:{server.port}/-/console"


async def connected(open_page, server, path="/echo", **options):
    """The console with a connection to a route."""
    page = await open_page(console_of(server), **options)
    await page.write("#url", server.url(path))
    await page.click("#connect")
    await page.wait_for_text("#badge", "Connected")
    return page


async def send(page, text):
    await page.write("#message", text)
    await page.click("#send")


async def rows(page, least=0):
    """Direction, kind, size and body of each message in the log, once there are as many."""
    await page.wait_for(f"{ROWS}.length >= {least}")
    parts = "['.way', '.kind', '.size', '.body'].map((part) => row.querySelector(part).textContent)"
    return [tuple(row) for row in await page.evaluate(f"{ROWS}.map((row) => {parts})")]


async def test_text_goes_out_and_comes_back(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await open_page(console_of(server))
        assert await page.text("#state") == "Disconnected"
        await page.wait_for("document.querySelectorAll('#route option').length > 1")
        assert (await page.value("#url")).startswith(f"ws://127.0.0.1:{server.port}/")
        at = await page.evaluate("[...document.querySelectorAll('#route option')].find((one) => one.text === '/echo (echo.lua)').value")
        await page.choose("#route", at)
        assert await page.value("#url") == server.url("/echo")
        await page.click("#connect")
        await page.wait_for_text("#badge", "Connected")
        await page.click("#message")
        await page.type("grüße")
        assert await page.text("#message-note") == "7 bytes"
        await page.press("Enter", "ctrl")
        assert await rows(page, 2) == [("↑ sent", "text", "7 B", "grüße"), ("↓ received", "text", "7 B", "grüße")]
        # A row has its text at once, and shows it with the browser's next frame (content-visibility).
        await page.wait_for("document.querySelector('.row.received time').innerText !== ''")
        time = await page.text(".row.received time")
        assert len(time) == len("12:34:56.789")
        await page.screenshot("console-text")
        await page.click("#disconnect")
        await page.wait_for_text("#badge", "Disconnected")
        await page.wait_for_text(".row.event", "1005 (no code given), clean")


async def test_works_over_tls(browser, tmp_path, echo):
    certificate, key = make_certificate(tmp_path, "console")
    settings = {"listen": "ws://127.0.0.1:0,wss://127.0.0.1:0", "tls.certificate": certificate, "tls.key": key}
    server = Nightjar(tmp_path / "server", echo, "--dev", settings=settings)
    try:
        port = int(re.search(r"wss://127\.0\.0\.1:(\d+)", server.output.text)[1])
        async with browser.profile_of_its_own() as open_page:
            page = await open_page(f"https://127.0.0.1:{port}/-/console")
            await page.wait_for(f"document.querySelector('#url').value === 'wss://127.0.0.1:{port}/echo'")
            await page.click("#connect")
            await page.wait_for_text("#badge", "Connected")
            await send(page, "in secret")
            assert [row[3] for row in await rows(page, 2)] == ["in secret", "in secret"]
    finally:
        server.stop()


async def test_json_is_indented_and_folds(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await connected(open_page, server)
        # A parser would round the number, and keep one of the two keys.
        sent = '{"n":12345678901234567890.10,"n":[true,null,{}],"text":"a \\"b\\": [c]"}'
        await send(page, sent)
        pretty = '{\n  "n": 12345678901234567890.10,\n  "n": [\n    true,\n    null,\n    {}\n  ],\n  "text": "a \\"b\\": [c]"\n}'
        assert await rows(page, 2) == [("↑ sent", "json", "70 B", pretty), ("↓ received", "json", "70 B", pretty)]
        await page.screenshot("console-json")
        await page.click(".row.received .twist")
        assert (await rows(page))[1][3] == sent
        await page.click(".row.received .twist")
        assert (await rows(page))[1][3] == pretty
        await page.click("#expand")
        assert [row[3] for row in await rows(page)] == [sent, sent]


async def test_hex_goes_out_as_bytes(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await connected(open_page, server)
        await page.click("#binary")
        await page.write("#message", "48 65 6")
        assert await page.text("#message-note") == "A byte has two hex digits: there are 5, one is missing."
        await page.click("#send")
        await page.write("#message", "48 xy")
        assert await page.text("#message-note") == "“x” (character 4) is no hex digit."
        await page.press("Enter", "ctrl")
        assert await rows(page) == [], "what is no hex is not sent"
        await page.screenshot("console-hex-wrong")
        await page.write("#message", "0x48, 65 6c:6C6f 00 FF 01 02 03 04 05 06 07 08 09 0a")
        assert await page.text("#message-note") == "17 bytes"
        await page.press("Enter", "ctrl")
        dump = "0000 48 65 6c 6c 6f 00 ff 01  Hello···\n0008 02 03 04 05 06 07 08 09  ········\n0010 0a                       ·"
        assert await rows(page, 2) == [("↑ sent", "binary", "17 B", dump), ("↓ received", "binary", "17 B", dump)]
        await page.screenshot("console-hex")


async def test_log_is_filtered_cleared_and_copied(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await connected(open_page, server)
        await send(page, "first apple")
        await send(page, '["second", "pear"]')
        await page.click("#binary")
        await send(page, "00 61")
        assert len(await rows(page, 6)) == 6
        await page.write("#find", "APPLE")
        assert [row[3] for row in await rows(page)] == ["first apple", "first apple"]
        await page.choose("#way", "received")
        assert await rows(page) == [("↓ received", "text", "11 B", "first apple")]
        assert (await page.text("#counts")).startswith("1 of 8 lines")
        await page.screenshot("console-filter")
        await page.write("#find", "")
        await page.choose("#kind", "json")
        assert [row[1] for row in await rows(page)] == ["json"]
        await page.choose("#kind", "binary")
        assert [row[1] for row in await rows(page)] == ["binary"]
        await page.click(".row .copy")
        await page.wait_for_text(".row .copy", "Copied")
        assert await page.evaluate("navigator.clipboard.readText()") == "00 61"
        await page.choose("#kind", "")
        await page.click("#copy-all")
        await page.wait_for_text("#copy-all", "Copied")
        copied = (await page.evaluate("navigator.clipboard.readText()")).splitlines()
        assert [line.split("\t")[1:] for line in copied] == [
            ["received", "text", "11 B", "first apple"],
            ["received", "json", "18 B", '["second", "pear"]'],
            ["received", "binary", "2 B", "00 61"],
        ]
        await page.choose("#way", "")
        await page.click("#clear")
        assert await rows(page) == []
        assert (await page.text("#counts")).startswith("0 lines")


async def test_close_carries_code_and_reason(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await connected(open_page, server, "/leave")
        await page.write("#code", "1001")
        await page.click("#close")
        assert await page.text("#close-note") == "A page may send 1000, or 3000 to 4999."
        await page.write("#code", "4001")
        await page.write("#reason", "ü" * 62)
        await page.click("#close")
        assert await page.text("#close-note") == "A reason has at most 123 bytes; this is 1 too long."
        await page.write("#reason", "bye now")
        await page.click("#close")
        await page.wait_for_text(".row.event", "4001 (application code), clean")
        await page.wait_for_text(".row.event", "4001 “bye now”")
        server.logged("left with 4001 bye now")
        await page.click("#connect")
        await page.wait_for_text("#badge", "Connected")
        await send(page, "go away")
        await page.wait_for_text(".row.event", "4321 (application code) “go away”, clean")
        assert await page.text("#state") == "Disconnected"


async def test_parameters_of_a_path_are_there_to_be_replaced(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await open_page(console_of(server))
        await page.wait_for("document.querySelectorAll('#route option').length > 1")
        at = await page.evaluate("[...document.querySelectorAll('#route option')].find((one) => one.text.startsWith('/talk/:')).value")
        await page.choose("#route", at)
        assert await page.value("#url") == server.url("/talk/room/name")
        assert await page.text("#connection-note") == "/talk/:room/:name: put your own value for “room” and “name”."
        # The first is selected: who types replaces it.
        await page.type("lobby")
        assert await page.value("#url") == server.url("/talk/lobby/name")
        assert await page.value("#protocols") == "talk.v1"
        await page.press("Enter")
        await page.wait_for_text("#badge", "Connected")
        await page.wait_for_text(".row.event", "sub-protocol talk.v1")


async def test_menu_follows_the_url(browser, start, echo):
    patterns = {"rest": "/talk/*", "room": "/talk/:room", "lobby": "/talk/lobby"}
    server = start(echo | {f"{name}.lua": f'return {{ path = "{path}" }}' for name, path in patterns.items()}, "--dev")
    async with browser.profile_of_its_own() as open_page:
        page = await open_page(console_of(server))
        await page.wait_for("document.querySelectorAll('#route option').length > 1")
        chosen = "document.querySelector('#route').selectedOptions[0].text"
        # The nearest pattern, as the server finds it.
        for path, text in {
            "/echo": "/echo (echo.lua)", "/talk/lobby": "/talk/lobby (lobby.lua)", "/talk/a?b=/c": "/talk/:room (room.lua)",
            "/talk/a/b": "/talk/* (rest.lua)", "/nowhere": "Choose a route",
        }.items():
            await page.write("#url", server.url(path))
            assert await page.evaluate(chosen) == text, path
        await page.write("#url", "ws://elsewhere.example/echo")
        assert await page.evaluate(chosen) == "Choose a route"
        await page.write("#url", server.url("/echo"))
        await page.reload()
        await page.wait_for(f"{chosen} === '/echo (echo.lua)'")


async def test_root_leads_to_the_console(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await open_page(f"http://127.0.0.1:{server.port}/")
        assert await page.evaluate("location.pathname") == "/-/console"
        assert await page.text("#state") == "Disconnected"


async def test_other_servers_can_be_tried_too(browser, server, start, echo):
    other = start(echo, settings={"origins": f"http://127.0.0.1:{server.port}"})
    async with browser.profile_of_its_own() as open_page:
        page = await connected(open_page, server)
        await page.write("#url", other.url("/echo"))
        await page.click("#connect")
        await page.wait_for_text(".row.event", "Left for a new connection.")
        await page.wait_for_text("#badge", "Connected")
        await send(page, "from elsewhere")
        assert (await rows(page, 2))[1] == ("↓ received", "text", "14 B", "from elsewhere")


async def test_policy_refuses_what_is_not_the_pages_own(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await open_page(console_of(server))
        tries = {
            "script-src": "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.strange = 1' }))",
            "style-src": "document.body.append(Object.assign(document.createElement('style'), { textContent: '* { color: red }' }))",
            "connect-src": "fetch('http://localhost:1/').catch(() => 0)",
            "form-action": "document.body.appendChild(Object.assign(document.createElement('form'), { action: '/echo' })).submit()",
            "base-uri": "document.head.append(Object.assign(document.createElement('base'), { href: 'http://localhost:1/' }))",
            "default-src": "document.body.append(Object.assign(document.createElement('iframe'), { src: '/echo' }))",
        }
        for directive, code in tries.items():
            await page.evaluate(f"({code}, 0)")
            end = asyncio.get_running_loop().time() + 5
            while not any(directive in text for text in page.complaints):
                assert asyncio.get_running_loop().time() < end, f"{directive} let it pass: {page.complaints}"
                await asyncio.sleep(0.02)
        assert await page.evaluate("window.strange === undefined && getComputedStyle(document.body).color !== 'rgb(255, 0, 0)'")
        # They were wanted.
        page.complaints.clear()


async def test_failure_says_what_is_wrong(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await open_page(console_of(server))
        await page.wait_for("document.querySelectorAll('#route option').length > 1")
        await page.write("#url", "ftp://example.com/")
        await page.click("#connect")
        assert await page.text("#connection-note") == "A URL begins with ws:// or wss://."
        assert await page.focused() == "url"
        await page.write("#url", server.url("/ecko"))
        await page.write("#protocols", "two words, two")
        await page.click("#connect")
        assert "Sub-protocols are names" in await page.text("#connection-note")
        await page.write("#protocols", "")
        await page.click("#connect")
        await page.wait_for_text(".row.event.bad", "No route matches /ecko.")
        await page.click("#send")
        assert await page.text("#message-note") == "Connect first."


async def test_reconnects_when_the_server_is_back(browser, echo, start):
    server = start(echo, "--dev")
    async with browser.profile_of_its_own() as open_page:
        page = await connected(open_page, server)
        await page.click("#reconnect")
        server.stop()
        await page.wait_for_text(".row.event", "1001 (going away)")
        await page.wait_for("/^Reconnecting\\s+in \\d+ s$/.test(document.querySelector('#badge').innerText.trim())")
        await page.screenshot("console-reconnecting")
        # Who is about to write another address is not in the way, nor interrupted.
        await page.write("#url", "ws:")
        start(echo, "--dev", settings={"listen": f"ws://127.0.0.1:{server.port}"})
        await page.wait_for_text("#badge", "Connected")
        assert await page.focused() == "url"
        assert await page.text("#connection-note") == ""
        await send(page, "back")
        assert (await rows(page, 2))[1] == ("↓ received", "text", "4 B", "back")
        # Leaving is no loss: it does not connect again.
        await page.click("#disconnect")
        await page.wait_for_text("#badge", "Disconnected")


async def test_leaving_the_page_closes(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await connected(open_page, server, "/leave")
        await page.go_to("about:blank")
        server.logged("left with 1005")


async def test_keyboard_reaches_everything(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await open_page(console_of(server))
        await page.wait_for("document.querySelectorAll('#route option').length > 1")
        order = "theme route url protocols reconnect connect disconnect text message send code reason close find way kind expand pause copy-all clear"
        seen = []
        await page.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        for _ in order.split():
            await page.press("Tab")
            seen.append(await page.focused())
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", f"{seen[-1]} shows no focus"
        assert seen == order.split()

        await page.reload()
        await page.wait_for("document.querySelectorAll('#route option').length > 1")
        for _ in range(4):
            await page.press("Tab")
        await page.press("a", "ctrl")
        await page.type(server.url("/echo"))
        await page.press("Enter")
        await page.wait_for_text("#badge", "Connected")
        for _ in range(6):
            await page.press("Tab")
        assert await page.focused() == "message"
        await page.type('{"keys":"only"}')
        await page.press("Enter", "ctrl")
        await rows(page, 2)
        # What was sent comes back, the draft too.
        await page.press("a", "ctrl")
        await page.type("draft")
        await page.press("ArrowUp")
        assert await page.value("#message") == '{"keys":"only"}'
        await page.press("ArrowDown")
        assert await page.value("#message") == "draft"
        # Send, the three of Close, the seven of the log's tools, then its newest line.
        for _ in range(12):
            await page.press("Tab")
        assert await page.evaluate("document.activeElement === document.querySelector('#rows').lastElementChild")
        assert (await rows(page))[1][3] == '{\n  "keys": "only"\n}'
        await page.press("Enter")
        assert (await rows(page))[1][3] == '{"keys":"only"}'
        await page.press("c")
        await page.wait_for_text(".row.received .copy", "Copied")
        assert await page.evaluate("navigator.clipboard.readText()") == '{"keys":"only"}'
        await page.press("ArrowUp")
        assert await page.evaluate("document.activeElement.className") == "row sent"
        await page.screenshot("console-keyboard")


async def test_flood_leaves_the_page_alive(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await connected(open_page, server, "/flood")
        for _ in range(10):
            await page.write("#message", "3000")
            await page.press("Enter", "ctrl")
        await page.wait_for("document.querySelector('#counts').innerText.includes('30,000 received')")
        await page.wait_for("[...document.querySelectorAll('.row .body')].at(-1).textContent === 'line 3000'")
        assert await page.evaluate("document.querySelectorAll('.row').length") == 2000
        # 30,000 received, 10 sent, 2 events; 2,000 are kept.
        assert "28,012 oldest lines dropped" in await page.text("#counts")
        assert await page.evaluate("(({ scrollTop, clientHeight, scrollHeight }) => scrollHeight - scrollTop - clientHeight < 2)(document.querySelector('#rows'))")
        await page.click("#pause")
        before = await page.evaluate("document.querySelector('#rows').scrollTop")
        await page.write("#message", "1")
        await page.press("Enter", "ctrl")
        await page.wait_for("document.querySelector('#counts').innerText.includes('30,001 received')")
        assert await page.evaluate("document.querySelector('#rows').scrollTop") <= before
        await page.screenshot("console-flood")


async def test_fields_are_remembered(browser, server):
    async with browser.profile_of_its_own() as open_page:
        page = await connected(open_page, server)
        await page.write("#message", "kept")
        await page.write("#reason", "a reason")
        await page.click("#reconnect")
        await page.choose("#theme", "dark")
        await page.reload()
        assert await page.value("#url") == server.url("/echo")
        assert await page.value("#message") == "kept"
        assert await page.value("#reason") == "a reason"
        assert await page.evaluate("document.querySelector('#reconnect').checked")
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 21, 26)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800, 360])
async def test_page_reads_well(browser, server, scheme, width):
    async with browser.profile_of_its_own() as open_page:
        page = await connected(open_page, server, width=width, height=800, scheme=scheme)
        await send(page, '{"type":"said","name":"Ada","text":"A message that is long enough to need more than one line.","at":1764280000.25,"tags":["a","b"]}')
        await page.click("#binary")
        await send(page, "4e696768746a6172 00 01 02 03 04 05 06 07 08")
        await page.click("#text")
        await send(page, "hello")
        await rows(page, 6)
        await page.click("#disconnect")
        await page.wait_for_text("#badge", "Disconnected")
        await page.write("#code", "7")
        await page.click("#close")
        await page.reads_well()
        background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(236, 239, 243)", "dark": "rgb(17, 21, 26)"}[scheme]
        # The switch overrules what the browser prefers.
        await page.choose("#theme", {"light": "dark", "dark": "light"}[scheme])
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != background
        await page.choose("#theme", "auto")
        await page.screenshot(f"console-{scheme}-{width}")
        if width < 800:
            await page.evaluate("document.querySelector('.log').scrollIntoView()")
            await page.screenshot(f"console-{scheme}-{width}-log")

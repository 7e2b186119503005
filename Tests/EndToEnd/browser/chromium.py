#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Headless Chromium, driven as a person would: real clicks and keys, through the DevTools protocol.

A click goes to where the element is seen, and fails if something else lies over it.
"""
import asyncio
import base64
import contextlib
import itertools
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from websockets.asyncio.client import connect

from nightjar import PATIENCE, Output

# A folder that gets what `Page.screenshot` takes; without it nothing is written.
SCREENSHOTS = os.environ.get("NIGHTJAR_SCREENSHOTS")

CODES = {"Enter": 13, "Tab": 9, " ": 32, "ArrowUp": 38, "ArrowDown": 40, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Backspace": 8}
TEXTS = {"Enter": "\r", " ": " "}
MODIFIERS = {"alt": 1, "ctrl": 2, "meta": 4, "shift": 8}

# Text against what lies behind it, by WCAG 2: 4.5 to 1, or the element and its contrast.
FAINT = """(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const luminance = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        if (a === 0) return null;
        const [lr, lg, lb] = [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * lr + 0.7152 * lg + 0.0722 * lb;
    };
    const faint = [];
    for (const element of document.body.querySelectorAll("*")) {
        const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!hasText || !element.checkVisibility({ opacityProperty: true }) || element.closest(".unseen, svg")) continue;
        let behind = null;
        for (let one = element; one && behind === null; one = one.parentElement) behind = luminance(getComputedStyle(one).backgroundColor);
        const text = luminance(getComputedStyle(element).color);
        const contrast = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
        if (contrast < 4.5) faint.push(`${element.outerHTML.slice(0, 60)} ${contrast.toFixed(2)}`);
    }
    return faint;
})()"""

# What moved by itself.
SHIFTS = """new Promise((resolve) => {
    const shifts = [];
    const observer = new PerformanceObserver((list) => shifts.push(...list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve(shifts.filter((one) => !one.hadRecentInput).map((one) => one.value + " " + one.sources.map((source) => source.node?.outerHTML?.slice(0, 60)))), 100);
})"""


class Chromium:
    """The browser's process."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = ["chromium", "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self.profile.name}"]
        # The servers' certificates are made by the tests.
        command += ["--ignore-certificate-errors"]
        command += ["--disable-gpu", "--no-proxy-server", "--disable-background-networking", "--no-first-run"]
        # Chromium's sandbox does not work for root, and the only pages are our own.
        command += ["--no-sandbox", "--disable-dev-shm-usage"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        self.log = Output(self.process.stderr)
        line = self.log.wait_for(re.compile(r"DevTools listening on (ws://\S+)").search)
        if line is None:
            self.stop()
            raise AssertionError(f"Chromium did not start:\n{self.log.text[-2000:]}")
        self.endpoint = line.split()[-1]

    @contextlib.asynccontextmanager
    async def profile_of_its_own(self):
        """A fresh profile, as a function that opens pages; all are gone in the end, and none may have complained."""
        async with connect(self.endpoint, max_size=None, compression=None, ping_interval=None) as socket:
            devtools = DevTools(socket)
            context = (await devtools.call("Target.createBrowserContext"))["browserContextId"]
            grant = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "browserContextId": context}
            await devtools.call("Browser.grantPermissions", **grant)
            pages = []

            async def open_page(url, width=1280, height=800, scheme="light"):
                target = await devtools.call("Target.createTarget", url="about:blank", browserContextId=context)
                attached = await devtools.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
                page = Page(devtools, attached["sessionId"])
                pages.append(page)
                await page.open(url, width, height, scheme)
                return page

            try:
                yield open_page
                for page in pages:
                    assert page.complaints == [], "a page complained"
            finally:
                await devtools.call("Target.disposeBrowserContext", browserContextId=context)
                devtools.reader.cancel()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.profile.cleanup()


class DevTools:
    """The DevTools protocol over one WebSocket: calls with their answers, and events for the pages."""

    def __init__(self, socket):
        self.socket = socket
        self.numbers = itertools.count(1)
        self.answers = {}
        self.listeners = {}
        self.reader = asyncio.create_task(self._read())

    async def _read(self):
        async for text in self.socket:
            message = json.loads(text)
            if "id" in message:
                answer = self.answers.pop(message["id"])
                if not answer.done():
                    answer.set_result(message)
            elif listener := self.listeners.get(message.get("sessionId")):
                listener(message["method"], message["params"])

    async def call(self, method, session=None, **parameters):
        number = next(self.numbers)
        answer = self.answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self.socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        result = await asyncio.wait_for(answer, PATIENCE)
        assert "error" not in result, f"{method}: {result['error']}"
        return result["result"]


class Page:
    """One tab."""

    def __init__(self, devtools, session):
        self.devtools = devtools
        self.session = session
        # Exceptions, errors in the console, and what the content security policy refused.
        self.complaints = []
        self.loaded = asyncio.Event()
        devtools.listeners[session] = self._heard

    def _heard(self, method, parameters):
        if method == "Page.loadEventFired":
            self.loaded.set()
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"]["exception"].get("description", "an exception"))
        elif method == "Log.entryAdded":
            entry = parameters["entry"]
            # Chromium itself calls a refused connection an error; those are part of some tests.
            if entry["level"] == "error" and entry["source"] != "network" and "WebSocket connection" not in entry["text"]:
                self.complaints.append(entry["text"])

    async def call(self, method, **parameters):
        return await self.devtools.call(method, self.session, **parameters)

    async def open(self, url, width, height, scheme):
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.prefer(scheme)
        await self.resize(width, height)
        # Tabs in the background would be drawn less often.
        await self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        await self.go_to(url)

    async def go_to(self, url):
        self.loaded.clear()
        result = await self.call("Page.navigate", url=url)
        assert "errorText" not in result, f"{url}: {result['errorText']}"
        # Chromium disposes of no profile with a page that is still on its way.
        await asyncio.wait_for(self.loaded.wait(), PATIENCE)

    async def reload(self):
        self.loaded.clear()
        await self.call("Page.reload")
        await asyncio.wait_for(self.loaded.wait(), PATIENCE)

    async def prefer(self, scheme):
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def resize(self, width, height):
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    async def evaluate(self, expression):
        """The value of an expression of JavaScript, also that of a promise."""
        result = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        details = result.get("exceptionDetails")
        assert details is None, f"{expression}: {details['exception'].get('description')}"
        return result["result"].get("value")

    async def wait_for(self, expression):
        """The value of an expression once it is true."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not (value := await self.evaluate(expression)):
            if asyncio.get_running_loop().time() > end:
                body = await self.evaluate("document.body.innerText")
                raise AssertionError(f"never true: {expression}\nthe page reads:\n{body}\ncomplaints: {self.complaints}")
            await asyncio.sleep(0.02)
        return value

    async def text(self, selector):
        return await self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")

    async def value(self, selector):
        return await self.evaluate(f"document.querySelector({json.dumps(selector)}).value")

    async def wait_for_text(self, selector, text):
        """Until some element that the selector finds has this text in it."""
        await self.wait_for(
            f"[...document.querySelectorAll({json.dumps(selector)})].some((one) => one.innerText.includes({json.dumps(text)}))"
        )

    async def place(self, selector):
        """The middle of an element as it is seen now."""
        place = await self.evaluate(
            f"""(() => {{
                const element = document.querySelector({json.dumps(selector)});
                if (!element) return "is not there";
                element.scrollIntoView({{ block: "nearest", inline: "nearest" }});
                const box = element.getBoundingClientRect();
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                const top = document.elementFromPoint(x, y);
                const labelled = element.labels && [...element.labels].some((label) => label.contains(top));
                return element.contains(top) || labelled ? [x, y] : "lies under " + (top ? top.outerHTML.slice(0, 80) : "nothing");
            }})()"""
        )
        assert isinstance(place, list), f"{selector} {place}"
        return place

    async def click(self, selector):
        x, y = await self.place(selector)
        mouse = {"x": x, "y": y, "button": "left", "clickCount": 1}
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        await self.call("Input.dispatchMouseEvent", type="mousePressed", **mouse)
        await self.call("Input.dispatchMouseEvent", type="mouseReleased", **mouse)

    async def move_mouse(self, x, y):
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def press(self, key, *modifiers):
        mask = sum(MODIFIERS[name] for name in modifiers)
        code = CODES.get(key) or ord(key.upper())
        event = {"key": key, "windowsVirtualKeyCode": code, "modifiers": mask}
        event["code"] = key if key in CODES and key != " " else "Space" if key == " " else f"Key{key.upper()}"
        text = TEXTS.get(key, key if len(key) == 1 else "")
        typed = {"text": text} if text and not set(modifiers) - {"shift"} else {}
        # Selecting all is an editing command; headless Chromium has no key binding for it.
        commands = {"commands": ["selectAll"]} if key == "a" and "ctrl" in modifiers else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown" if typed else "rawKeyDown", **event, **typed, **commands)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    async def type(self, text):
        """Types where the focus is."""
        for character in text:
            await self.call("Input.dispatchKeyEvent", type="char", text=character, key=character)

    async def write(self, selector, text):
        """Clicks a field and types in the place of what is in it."""
        await self.click(selector)
        await self.press("a", "ctrl")
        await self.press("Backspace")
        await self.type(text)

    async def choose(self, selector, value):
        """Chooses an option of a menu; its list is the system's, so a click cannot reach it."""
        await self.evaluate(
            f"""(() => {{
                const menu = document.querySelector({json.dumps(selector)});
                menu.focus();
                menu.value = {json.dumps(value)};
                for (const type of ["input", "change"]) menu.dispatchEvent(new Event(type, {{ bubbles: true }}));
            }})()"""
        )

    async def focused(self):
        """The id of the element that has the focus."""
        return await self.evaluate("document.activeElement.id")

    async def reads_well(self):
        """Holds that all text has enough contrast, that nothing is wider than the window, and that nothing jumped."""
        faint = await self.evaluate(FAINT)
        assert faint == [], f"too little contrast: {faint}"
        excess = await self.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth")
        assert excess <= 0, f"{excess} px wider than the window"
        shifts = await self.evaluate(SHIFTS)
        assert shifts == [], f"these moved by themselves: {shifts}"

    async def screenshot(self, name):
        if SCREENSHOTS is None:
            return
        picture = await self.call("Page.captureScreenshot", format="png")
        folder = Path(SCREENSHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))

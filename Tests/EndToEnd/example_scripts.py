#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What the tests of the examples share: an example's own folder on a server, and its plain HTTP."""
import json
import urllib.error
import urllib.request

from nightjar import PATIENCE, ROOT


def scripts_of_example(name):
    """The scripts of examples/NAME/scripts by their path in it, as they stand there."""
    folder = ROOT / "examples" / name / "scripts"
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.lua"))}


def ask(url, method="GET", body=None, headers=None):
    """Status, header fields and body of an HTTP answer."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def assert_is_page(server, path):
    """The script serves its own page, whole, and allows it nothing from elsewhere."""
    url = f"http://127.0.0.1:{server.port}{path}"
    status, headers, body = ask(url)
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert body.startswith(b"<!doctype html>")
    assert body.rstrip().endswith(b"</html>")
    status, headers, body = ask(url, "HEAD")
    assert (status, headers["content-type"], body) == (200, "text/html; charset=utf-8", b"")
    assert ask(url, "PUT", b"x")[0] == 405


async def receive(client):
    return json.loads(await client.recv())


async def send(client, **message):
    await client.send(json.dumps(message))

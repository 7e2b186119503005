#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What `--dev` serves besides the routes: the console, the list of routes that it reads, and the way to it."""
import base64
import hashlib
import http.client
import json
import re
import socket
import subprocess
import urllib.request

import pytest

from nightjar import BINARY, PATIENCE, Output, clean_environment, run
from rawclient import request
from tls import make_certificate, trusting_all

PAGES = ["/-/console", "/-/routes.json", "/"]

CATCH_ALL = 'return { path = "/*", request = function(req) return 200, "caught " .. req.path end }'


def ask(connection, method, path, headers=None):
    """Status, header fields and body of an answer."""
    connection.request(method, path, headers=headers or {})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


@pytest.fixture
def connect():
    connections = []

    def connect(server):
        connections.append(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def test_console_and_routes_on_one_connection(start, echo, connect):
    talk = 'return { path = "/talk/:room", protocols = { "talk.v1", "talk.v2" } }'
    server = start(echo | {"games/talk.lua": talk}, "--dev", settings={"threads.io": 2})
    connection = connect(server)
    status, headers, page = ask(connection, "GET", "/-/console")
    used = connection.sock
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.startswith(b"<!doctype html>") and page.endswith(b"</html>\n")
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= set(policy)
    for element in ("script", "style"):
        (content,) = re.findall(rf"<{element}>(.*?)</{element}>".encode(), page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in headers["Content-Security-Policy"]
    names = ["X-Content-Type-Options", "Cache-Control", "Referrer-Policy"]
    assert [headers[name] for name in names] == ["nosniff", "no-store", "no-referrer"]

    status, headers, body = ask(connection, "GET", "/-/routes.json", {"Origin": "http://evil.example"})
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert json.loads(body) == [
        {"path": "/echo", "script": "echo.lua", "protocols": []},
        {"path": "/talk/:room", "script": "games/talk.lua", "protocols": ["talk.v1", "talk.v2"]},
    ]
    status, headers, body = ask(connection, "HEAD", "/-/console")
    assert (status, int(headers["Content-Length"]), body) == (200, len(page), b"")
    assert ask(connection, "GET", "/")[0] == 302
    assert connection.sock is used
    assert server.metrics()['nightjar_requests_total{status="2xx"}'] == 3


def test_root_leads_to_the_console(start, echo):
    server = start(echo, "--dev")
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}", timeout=PATIENCE) as answer:
        assert answer.url == f"http://127.0.0.1:{server.port}/-/console"
        assert b"Nightjar console" in answer.read()


@pytest.mark.parametrize("path", PAGES)
def test_no_pages_without_dev(start, echo, connect, path):
    server = start(echo)
    status, headers, body = ask(connect(server), "GET", path)
    assert (status, headers["Location"], body) == (404, None, b"there is no route at this path\n")
    assert "console" not in server.output.text


@pytest.mark.parametrize("arguments", [["--dev"], []], ids=["dev", "no-dev"])
def test_a_script_for_all_paths_gets_all_but_the_servers_own(start, connect, arguments):
    server = start({"all.lua": CATCH_ALL}, *arguments)
    for path in ("/", "/x/-/y", "/-"):
        status, _, body = ask(connect(server), "GET", path)
        assert (status, body.decode()) == (200, f"caught {path}")
    for path in ("/-/console", "/-/routes.json"):
        status, _, body = ask(connect(server), "GET", path)
        assert status == (200 if arguments else 404) and b"caught" not in body
    assert ask(connect(server), "GET", "/-/other")[0] == 404


def test_a_script_cannot_have_the_servers_paths(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/own.lua").write_text('return { path = "/-/own" }')
    ended = run("serve", "scripts", "--port", "0", cwd=tmp_path)
    assert ended.returncode == 1
    assert "own.lua" in ended.stderr and "paths under `/-/` belong to the server: choose another" in ended.stderr


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE"])
def test_console_takes_get_and_head(start, echo, connect, method):
    status, headers, _ = ask(connect(start(echo, "--dev")), method, "/-/console", {"Origin": "http://evil.example"})
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_a_client_that_does_not_read_the_page_is_dropped(start, echo):
    """Pages pile up for it only as far as for one that does not read a script's answers."""
    server = start(echo, "--dev", settings={"limits.message_time": "1s", "limits.handshake": "1m", "threads.io": 1})
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", server.port))
        ask_for = b"GET /-/console HTTP/1.1\r\nHost: a\r\n\r\n"
        with pytest.raises(ConnectionError):
            while True:
                client.sendall(ask_for * 100)
    assert server.wait_for_metric('nightjar_limit_exceeded_total{limit="response_time"}', 1) == 1
    assert server.metrics()["nightjar_buffered_bytes"] == 0


def test_each_of_many_requests_has_its_page(start, echo):
    """They come at once, and the pages do not fit into the socket."""
    server = start(echo, "--dev", settings={"threads.io": 1})
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(b"GET /-/console HTTP/1.1\r\nHost: a\r\n\r\n" * 300)
        client.sendall(b"GET /-/console HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = bytearray()
        while part := client.recv(1 << 20):
            received += part
    assert received.count(b"HTTP/1.1 200 OK\r\n") == received.count(b"</html>\n") == 301


def test_start_text_names_the_console(start, echo):
    server = start(echo, "--dev")
    line = server.output.wait_for(lambda line: "console" in line)
    assert line == f"The console is at http://127.0.0.1:{server.port}/-/console"


def test_start_text_names_the_console_by_https(start, echo, tmp_path):
    certificate, key = make_certificate(tmp_path, "first")
    listen = f"unix:{tmp_path}/n.sock,ws://127.0.0.1:0,wss://127.0.0.1:0"
    settings = {"listen": listen, "tls.certificate": certificate, "tls.key": key}
    server = start(echo, "--dev", settings=settings)
    url = server.output.wait_for(lambda line: "console" in line).split()[-1]
    assert url.startswith("https://127.0.0.1:")
    with urllib.request.urlopen(url, timeout=PATIENCE, context=trusting_all()) as answer:
        assert answer.status == 200


def test_start_text_names_no_console_on_a_unix_socket(echo, tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/echo.lua").write_text(echo["echo.lua"])
    path = tmp_path / "n.sock"
    process = subprocess.Popen(
        [BINARY, "serve", "scripts", "--dev"],
        cwd=tmp_path,
        env=clean_environment({"NIGHTJAR_LISTEN": f"unix:{path}", "NIGHTJAR_DRAIN_WINDOW": "0"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    output = Output(process.stdout)
    try:
        assert output.wait_for(lambda line: "echo.lua" in line)
        # It is there all the same, for whoever has a way to it.
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(path))
            client.sendall(b"GET /-/console HTTP/1.0\r\n\r\n")
            assert client.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert "console" not in output.text


def test_upgrade_to_the_console_finds_no_route(start, echo):
    server = start(echo, "--dev")
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(request("/-/console"))
        assert client.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 404"

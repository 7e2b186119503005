#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Who may connect and who a client is: origins, sub-protocols, trusted proxies, and secrets that stay out of the log."""
import os
import shutil
import socket
import subprocess
import time

import pytest

from nightjar import scripts_of
from nightjar import PATIENCE
from rawclient import RawClient, request

WITNESS = """
return { connect = function(conn) ws.log.info("the script ran") end }
"""


def head_of(server, path, *fields):
    with RawClient(server.port) as client:
        client.send(request(path, *fields))
        return client.read_head().decode()


def shown_to(server, *fields):
    """What the script says of a client with these fields."""
    with RawClient(server.port) as client:
        client.send(request("/client", *fields))
        assert client.read_head().startswith(b"HTTP/1.1 101 ")
        return client.read_frame().payload.decode()


@pytest.fixture
def scripts():
    return scripts_of("scripts", "Tests/EndToEnd/scripts")


def test_page_of_another_host_is_refused_before_the_script_runs(start):
    server = start({"page.lua": WITNESS})
    head = head_of(server, "/page", "Origin: https://evil.example")
    assert head.startswith("HTTP/1.1 403 ")
    assert server.logged("refused an origin")["origin"] == "https://evil.example"
    server.stop()
    assert "the script ran" not in server.log.text


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        ("http://127.0.0.1", 101),
        ("https://127.0.0.1", 101),
        ("http://127.0.0.1:81", 403),
        ("null", 403),
        ("http://127.0.0.1.evil.example", 403),
        ("http://127.0.0.1/", 403),
        ("http://127.0.0.1\r\nOrigin: http://127.0.0.1", 403),
    ],
)
def test_same_host_is_the_default(server, origin, status):
    fields = [f"Origin: {origin}"] if origin else []
    assert head_of(server, "/echo", *fields).startswith(f"HTTP/1.1 {status} ")


def test_route_has_origins_and_protocols_of_its_own(start, scripts, tmp_path):
    config = tmp_path / "nightjar.yaml"
    config.write_text(
        "origins: [https://app.example]\nroutes:\n  client:\n    origins: ['*.example.com']\n    protocols: [chat]\n"
    )
    server = start(scripts, "--config", str(config))
    app, sub = "Origin: https://app.example", "Origin: https://a.b.example.com"
    assert head_of(server, "/echo", app).startswith("HTTP/1.1 101 ")
    assert head_of(server, "/echo", sub).startswith("HTTP/1.1 403 ")
    assert head_of(server, "/client", app).startswith("HTTP/1.1 403 ")
    head = head_of(server, "/client", sub, "Sec-WebSocket-Protocol: x, chat")
    assert head.startswith("HTTP/1.1 101 ") and "\r\nSec-WebSocket-Protocol: chat" in head
    assert "Sec-WebSocket-Protocol" not in head_of(server, "/echo", app, "Sec-WebSocket-Protocol: chat")


def test_script_sees_the_protocol(start, scripts):
    server = start(scripts, settings={"protocols": "chat.v2, chat.v1"})
    assert shown_to(server, "Sec-WebSocket-Protocol: x, chat.v1", "Sec-WebSocket-Protocol: chat.v2").endswith(
        "chat.v1 x+chat.v1+chat.v2"
    )
    assert shown_to(server, "Sec-WebSocket-Protocol: x").endswith("nil x")


def test_proxy_is_believed_only_when_it_is_trusted(start, scripts):
    fields = ["X-Forwarded-For: 6.6.6.6, 203.0.113.7", "X-Forwarded-Proto: https"]
    stranger = start(scripts)
    assert shown_to(stranger, *fields) == "127.0.0.1 127.0.0.1 false nil "
    trusting = start(scripts, settings={"trusted_proxies": "127.0.0.1"})
    assert shown_to(trusting, *fields) == "203.0.113.7 203.0.113.7 true nil "


def test_secrets_stay_out_of_the_log(start, scripts):
    server = start(scripts, "--log-level", "trace", settings={"trusted_proxies": "127.0.0.1", "protocols": "chat"})
    secrets = ["Authorization: Bearer s3cret-1", "Cookie: session=s3cret-2", "Sec-WebSocket-Protocol: chat, s3cret-3"]
    wrong = [
        ["Origin: https://evil.example"],
        ["Sec-WebSocket-Version: 8"],
        ["Sec-WebSocket-Key: s3cret-5"],
        ["Content-Length: 3"],
        ["X-Big: " + "s3cret-6" * 1500],
        ["Bad Field : s3cret-7"],
    ]
    for path in ["/client?token=s3cret-4", "/nowhere?token=s3cret-4", "/client/%zz?token=s3cret-4"]:
        for fields in [[], *wrong]:
            head_of(server, path, *secrets, *fields)
    server.stop()
    assert "refused" in server.log.text, "the log was not looked at"
    assert "s3cret" not in server.log.text


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{backend};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_read_timeout 75s;
        }}
    }}
}}
"""

HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 75s
    timeout server 75s
    timeout tunnel 75s
frontend web
    bind 127.0.0.1:{port}
    http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
    http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
    default_backend nightjar
backend nightjar
    option forwardfor
    server nightjar 127.0.0.1:{backend}
"""


@pytest.mark.parametrize(
    ("name", "text", "options"), [("nginx", NGINX, ["-c"]), ("haproxy", HAPROXY, ["-db", "-f"])], ids=["nginx", "haproxy"]
)
def test_real_proxy_as_documented(start, scripts, tmp_path, name, text, options):
    binary = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        pytest.skip(f"{name} is not installed")
    server = start(scripts, settings={"trusted_proxies": "127.0.0.1"})
    port = free_port()
    config = tmp_path / f"{name}.conf"
    config.write_text(text.format(folder=tmp_path, port=port, backend=server.port))
    proxy = subprocess.Popen([binary, *options, str(config)], cwd=tmp_path)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < end and proxy.poll() is None, f"{name} does not listen"
                time.sleep(0.05)
        host = f"Host: 127.0.0.1:{port}"
        with RawClient(port) as client:
            # The client's own field stands left of the proxy's.
            client.send(request("/client", host, f"Origin: http://127.0.0.1:{port}", "X-Forwarded-For: 203.0.113.7"))
            assert client.read_head().startswith(b"HTTP/1.1 101 ")
            # The proxy itself is on a trusted address here, so the walk goes on to what stands left of it.
            assert client.read_frame().payload == b"203.0.113.7 203.0.113.7 false nil "
        with RawClient(port) as client:
            client.send(request("/client", host, "Origin: http://evil.example"))
            assert client.read_head().startswith(b"HTTP/1.1 403 ")
    finally:
        proxy.terminate()
        proxy.wait(PATIENCE)

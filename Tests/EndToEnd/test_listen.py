#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Several addresses at once: TLS, IPv6, a Unix socket, and a certificate that is exchanged."""
import os
import re
import signal
import socket
import ssl
import subprocess

import pytest
from nightjar import PATIENCE, run
from websockets.asyncio.client import connect, unix_connect


def make_certificate(folder, name):
    files = (folder / "certificate.pem", folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    return files


def trusting_all():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def certificate_of(port):
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
        with trusting_all().wrap_socket(plain) as client:
            return client.getpeercert(binary_form=True)


@pytest.fixture
def secure(start, echo, tmp_path):
    certificate, key = make_certificate(tmp_path, "first")
    listen = f"ws://127.0.0.1:0,wss://127.0.0.1:0,ws://[::1]:0,unix:{tmp_path}/n.sock"
    settings = {"listen": listen, "tls.certificate": certificate, "tls.key": key, "limits.handshake": "2s"}
    server = start(echo, settings=settings | {"threads.io": 2})
    server.folder_of_files = tmp_path
    server.secure_port = int(re.search(r"wss://127\.0\.0\.1:(\d+)", server.output.text)[1])
    server.port6 = int(re.search(r"ws://\[::1\]:(\d+)", server.output.text)[1])
    return server


async def test_every_address_echoes(secure):
    urls = [secure.url("/echo"), f"ws://[::1]:{secure.port6}/echo", f"wss://127.0.0.1:{secure.secure_port}/echo"]
    for url in urls:
        async with connect(url, ssl=trusting_all() if url.startswith("wss") else None) as client:
            for size in (0, 5, 65_536, 1_000_000):
                message = os.urandom(size)
                await client.send(message)
                assert await client.recv() == message
    async with unix_connect(f"{secure.folder_of_files}/n.sock", "ws://localhost/echo") as client:
        await client.send("by file")
        assert await client.recv() == "by file"
    secure.stop()
    assert not os.path.exists(f"{secure.folder_of_files}/n.sock")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(secure, version):
    context = trusting_all()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", secure.secure_port), PATIENCE) as plain:
        with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
            context.wrap_socket(plain)


async def test_a_violation_is_told_over_tls(secure):
    async with connect(f"wss://127.0.0.1:{secure.secure_port}/echo", ssl=trusting_all()) as client:
        client.transport.write(b"\xf1\x80\0\0\0\0")
        await client.wait_closed()
        assert client.close_code == 1002


def test_half_done_tls_handshakes_end_at_the_deadline(secure):
    peers = [socket.create_connection(("127.0.0.1", secure.secure_port), PATIENCE) for _ in range(100)]
    for peer in peers:
        peer.send(b"\x16\x03\x01\x02\x00\x01")
    assert certificate_of(secure.secure_port)
    for peer in peers:
        peer.settimeout(10)
        assert peer.recv(1) == b""
        peer.close()


def test_sighup_takes_a_new_certificate_and_keeps_the_old_for_a_bad_one(secure):
    first = certificate_of(secure.secure_port)
    (secure.folder_of_files / "certificate.pem").write_text("no certificate")
    secure.process.send_signal(signal.SIGHUP)
    secure.logged("the old certificate stays in use", "certificate.pem")
    assert certificate_of(secure.secure_port) == first
    make_certificate(secure.folder_of_files, "second")
    secure.process.send_signal(signal.SIGHUP)
    secure.logged("certificate loaded", "second")
    assert certificate_of(secure.secure_port) != first


def test_listen_and_port_exclude_each_other(tmp_path):
    (tmp_path / "scripts").mkdir()
    ended = run("serve", "scripts", "--port", "0", cwd=tmp_path, environment={"NIGHTJAR_LISTEN": "ws://127.0.0.1:0"})
    assert ended.returncode == 78
    assert "`port` and `listen` are both given" in ended.stderr

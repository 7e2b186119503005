#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""TLS: H5. The innocent client of the watch is on the same event loop, without TLS."""
import asyncio
import random
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest
from websockets.asyncio.client import connect

from nightjar import PATIENCE, Nightjar
from tls import (
    ALERT,
    HANDSHAKE,
    ORDINARY,
    certificate_of,
    client_hello,
    extension,
    first_answer,
    make_certificate,
    trusting_all,
)
from watch import KIB, MIB, percentile, sized, under_attack, wait_until

# What an ordinary client offers, of TLS 1.2: ECDHE with ECDSA and AES-GCM.
GOOD = 0xC02B
# And where the certificate is for RSA.
GOOD_WITH_RSA = 0xC02F

HANDSHAKE_SECONDS = sized(3, 10)

# Alerts (RFC 8446 section 6).
HANDSHAKE_FAILURE, PROTOCOL_VERSION = 40, 70


def serve_securely(folder, scripts, kind="ecdsa"):
    certificate, key = make_certificate(folder, "first", kind)
    settings = {"threads.io": 1, "listen": "ws://127.0.0.1:0,wss://127.0.0.1:0", "limits.connections": 3000}
    settings |= {"tls.certificate": certificate, "tls.key": key, "limits.handshake": f"{HANDSHAKE_SECONDS}s"}
    server = Nightjar(folder, scripts, settings=settings)
    server.files = folder
    server.secure_port = int(re.search(r"wss://127\.0\.0\.1:(\d+)", server.output.text)[1])
    return server


@pytest.fixture(scope="module")
def secure(tmp_path_factory, echo):
    server = serve_securely(tmp_path_factory.mktemp("secure"), echo)
    # Every TLS context and buffer is made once, so that the watch sees what an attack adds.
    for _ in range(20):
        certificate_of(server.secure_port)
    yield server
    server.stop()


def seconds_to_connect(port):
    began = time.monotonic()
    assert certificate_of(port)
    return time.monotonic() - began


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_h05_old_tls_is_refused(secure, version):
    context = trusting_all()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", secure.secure_port), PATIENCE) as plain:
        with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
            context.wrap_socket(plain)


# Numbers of the registry: RC4 with MD5 and SHA, 3DES, its ECDHE kinds, NULL, export, CBC of both kinds, RSA key exchange.
WEAK = {
    "rc4": [0x0004, 0x0005, 0xC007, 0xC011],
    "3des": [0x000A, 0x0016, 0xC008, 0xC012],
    "null": [0x0000, 0x0001, 0x0002, 0x003B, 0xC006, 0xC010],
    "export": [0x0003, 0x0006, 0x0008, 0x0014],
    "cbc": [0x002F, 0x0035, 0x003C, 0xC009, 0xC00A, 0xC013, 0xC014, 0xC023, 0xC024],
    "no-forward-secrecy": [0x009C, 0x009D],
}


@pytest.fixture(scope="module")
def secure_with_rsa(tmp_path_factory, echo):
    server = serve_securely(tmp_path_factory.mktemp("rsa"), echo, "rsa")
    yield server
    server.stop()


@pytest.mark.parametrize("kind", WEAK)
def test_h05_weak_ciphers_are_refused(secure, secure_with_rsa, kind):
    """Whatever the certificate's key is for: with one for ECDSA nobody could choose the ciphers of the other."""
    for server, good in ((secure, GOOD), (secure_with_rsa, GOOD_WITH_RSA)):
        assert first_answer(server.secure_port, client_hello([good], ORDINARY))[0] == HANDSHAKE
        answer = first_answer(server.secure_port, client_hello(WEAK[kind], ORDINARY))
        assert answer == (ALERT, bytes([2, HANDSHAKE_FAILURE])), good


def test_h05_no_compression_and_no_renegotiation(secure):
    with socket.create_connection(("127.0.0.1", secure.secure_port), PATIENCE) as plain:
        context = trusting_all()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with context.wrap_socket(plain) as client:
            assert client.version() == "TLSv1.2" and client.compression() is None
            assert client.cipher()[0].startswith("ECDHE-") and re.search("GCM|CHACHA20", client.cipher()[0])
    # What would begin a renegotiation is a ClientHello in a connection that is there; openssl sends it for an R.
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{secure.secure_port}", "-tls1_2", "-legacy_renegotiation"]
    ended = subprocess.run(command, input="R\n", capture_output=True, text=True, timeout=PATIENCE)
    assert "RENEGOTIATING" in ended.stdout + ended.stderr
    assert re.search("no renegotiation|no_renegotiation|alert|unexpected eof", ended.stderr), ended.stderr


def garbage(source):
    """What is no ClientHello, or no longer one."""
    kind = source.randrange(5)
    good = bytearray(client_hello([GOOD], ORDINARY))
    if kind == 0:
        return source.randbytes(source.randrange(1, 600))
    if kind == 1:
        # The record is right, what it holds is not.
        return bytes([HANDSHAKE, 3, 1]) + (300).to_bytes(2, "big") + source.randbytes(300)
    if kind == 2:
        return b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
    if kind == 3:
        for _ in range(source.randrange(1, 8)):
            good[source.randrange(len(good))] = source.randrange(256)
        return bytes(good)
    return bytes(good[: source.randrange(1, len(good))])


def test_h05_garbage_in_place_of_a_client_hello(secure):
    source = random.Random(5)
    with under_attack(secure) as watch:
        for _ in range(sized(2000, 100_000)):
            with socket.create_connection(("127.0.0.1", secure.secure_port), PATIENCE) as stream:
                stream.sendall(garbage(source))
                stream.shutdown(socket.SHUT_WR)
                try:
                    while stream.recv(65_536):
                        pass
                except ConnectionResetError:
                    pass
        assert certificate_of(secure.secure_port)
        assert watch.growth() < 8 * MIB


@pytest.mark.parametrize("kind", ["nothing", "one-byte", "half-a-hello", "hello"])
def test_h05_half_done_handshakes_end_at_the_deadline(secure, kind):
    hello = client_hello([GOOD], ORDINARY)
    data = {"nothing": b"", "one-byte": hello[:1], "half-a-hello": hello[:60], "hello": hello}[kind]
    with under_attack(secure) as watch:
        before = watch.sockets()
        count = sized(200, 2000)
        began = time.monotonic()
        peers = [socket.create_connection(("127.0.0.1", secure.secure_port), PATIENCE) for _ in range(count)]
        for peer in peers:
            peer.sendall(data)
        last = time.monotonic()
        times = []
        while time.monotonic() < began + HANDSHAKE_SECONDS - 0.5:
            times.append(seconds_to_connect(secure.secure_port))
            time.sleep(0.05)
        assert percentile(times, 0.9) < 0.1, times
        seconds = last + HANDSHAKE_SECONDS + 1.5 - time.monotonic()
        wait_until(lambda: watch.sockets() <= before, seconds, "the half-done handshakes are gone")
        assert watch.growth() < count * 80 * KIB + 4 * MIB
        for peer in peers:
            peer.close()


LARGE = {
    "many-extensions": b"".join(extension(0x4A00 + number, b"") for number in range(4000)),
    "many-groups": extension(10, (60_000).to_bytes(2, "big") + bytes(60_000)),
    "long-name": extension(0, (60_003).to_bytes(2, "big") + b"\0" + (60_000).to_bytes(2, "big") + b"a" * 60_000),
    "many-protocols": extension(16, (60_000).to_bytes(2, "big") + b"\1a" * 30_000),
    "twice-the-same": extension(0x4A4A, b"") * 10_000,
}


@pytest.mark.parametrize("kind", LARGE)
def test_h05_large_client_hello(secure, kind):
    data = client_hello([GOOD] * 1000, ORDINARY + LARGE[kind] if kind != "many-groups" else LARGE[kind])
    with under_attack(secure) as watch:
        for _ in watch.repeating():
            answer = first_answer(secure.secure_port, data)
            assert answer is None or answer[0] in (ALERT, HANDSHAKE)
        # One that says it is 16 MiB long ends by what it says.
        endless = bytes([HANDSHAKE, 3, 1]) + (4).to_bytes(2, "big") + b"\1\xff\xff\xff"
        assert first_answer(secure.secure_port, endless)[0] == ALERT
        assert watch.growth() < 4 * MIB


async def test_h05_reload_under_traffic(secure):
    """Clients that come all the time do not fail, and connections that are there stay."""
    url = f"wss://127.0.0.1:{secure.secure_port}/echo"
    seen, ended = set(), False

    async def come_and_go():
        count = 0
        while not ended:
            async with connect(url, ssl=trusting_all()) as client:
                await client.send("x")
                assert await client.recv() == "x"
                seen.add(client.transport.get_extra_info("ssl_object").getpeercert(binary_form=True))
                count += 1
        return count

    async with connect(url, ssl=trusting_all()) as old:
        clients = [asyncio.create_task(come_and_go()) for _ in range(4)]
        for turn in range(sized(10, 200)):
            await asyncio.to_thread(make_certificate, secure.files, f"turn-{turn}")
            secure.process.send_signal(signal.SIGHUP)
            await asyncio.to_thread(secure.logged, "certificate loaded", f"turn-{turn}")
            await asyncio.sleep(0.1)
        ended = True
        assert sum(await asyncio.gather(*clients)) > 20
        await old.send("still here")
        assert await old.recv() == "still here"
    assert len(seen) > 3

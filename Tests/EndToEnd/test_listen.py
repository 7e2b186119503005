#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Several addresses at once: TLS, IPv6, a Unix socket, and a certificate that is exchanged."""
import ctypes
import os
import re
import signal
import socket
import ssl
import stat
import struct
import threading
import time
from pathlib import Path

import pytest
from nightjar import PATIENCE, run
from rawclient import TEXT, frame, request
from tls import certificate_of, make_certificate, trusting_all
from websockets.asyncio.client import connect, unix_connect


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


async def test_needs_no_privileges(start, echo):
    """As any user but root runs it, and a container without capabilities."""
    server = start(echo, unprivileged=True)
    assert "CapEff:\t0000000000000000" in Path(f"/proc/{server.process.pid}/status").read_text()
    async with connect(server.url("/echo")) as client:
        await client.send("hello")
        assert await client.recv() == "hello"


# From <asm-generic/unistd.h>, <netinet/tcp.h>.
PIDFD_GETFD, TCP_NOTSENT_LOWAT = 438, 25


def accepted(server, client):
    """The server's own end of a connection: its descriptor, taken over from the process."""
    folder = Path(f"/proc/{server.process.pid}/fd")
    process = os.pidfd_open(server.process.pid)
    try:
        for file in folder.iterdir():
            if not os.readlink(file).startswith("socket:"):
                continue
            descriptor = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, int(file.name), 0)
            assert descriptor >= 0, os.strerror(ctypes.get_errno())
            end = socket.socket(fileno=descriptor)
            try:
                if end.getpeername() == client.getsockname():
                    return end
            except OSError:
                pass
            end.close()
    finally:
        os.close(process)
    pytest.fail("the server has no socket of that connection")


@pytest.mark.parametrize("family", ["port", "port6", "secure_port"])
def test_accepted_sockets_have_what_the_listening_one_was_given(secure, family):
    """A small frame goes at once, and the kernel takes no more than 64 KiB that is unsent of a slow reader's."""
    host = "::1" if family == "port6" else "127.0.0.1"
    with socket.create_connection((host, getattr(secure, family))) as client:
        secure.wait_for_metric("nightjar_connections_accepted_total", 1)
        with accepted(secure, client) as end:
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            assert end.getsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT) == 64 * 1024
            assert end.getsockopt(socket.SOL_SOCKET, socket.SO_DEBUG) == 0


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


def test_a_client_that_says_no_more_is_answered_over_tls(secure):
    """It ends its side with a close_notify alert (RFC 8446 section 6.1), and shuts it down, behind its request."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting_all().wrap_bio(incoming, outgoing)
    with socket.create_connection(("127.0.0.1", secure.secure_port), PATIENCE) as stream:

        def until_done(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    stream.sendall(outgoing.read())
                    incoming.write(stream.recv(65_536))

        until_done(client.do_handshake)
        client.write(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        with pytest.raises(ssl.SSLWantReadError):
            client.unwrap()
        stream.sendall(outgoing.read())
        stream.shutdown(socket.SHUT_WR)
        while data := stream.recv(65_536):
            incoming.write(data)
    assert client.read(65_536).startswith(b"HTTP/1.1 404 ")


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
    entry = secure.logged("certificate loaded", "second")
    assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$", entry["expires"])
    assert certificate_of(secure.secure_port) != first


def test_sighup_without_tls_says_that_there_is_nothing_to_load(start, echo):
    server = start(echo)
    server.process.send_signal(signal.SIGHUP)
    server.logged("nothing to load again", "wss://")


def test_changed_files_are_loaded_without_being_told(secure):
    first = certificate_of(secure.secure_port)
    make_certificate(secure.folder_of_files, "changed")
    secure.logged("certificate loaded", "changed")
    second = certificate_of(secure.secure_port)
    assert second != first
    # The key of another certificate: told once, with both files, after some more attempts.
    other = secure.folder_of_files / "other"
    other.mkdir()
    make_certificate(other, "other")
    os.replace(other / "key.pem", secure.folder_of_files / "key.pem")
    secure.logged("the old certificate stays in use", "key.pem does not match", "certificate.pem")
    assert certificate_of(secure.secure_port) == second
    # Its own certificate comes late.
    os.replace(other / "certificate.pem", secure.folder_of_files / "certificate.pem")
    secure.logged("certificate loaded", "other")
    assert certificate_of(secure.secure_port) not in (first, second)
    assert sum("stays in use" in line for line in secure.log.text.splitlines()) == 1


def refused(scripts, folder, listen, **more):
    """What a server says that does not start with these addresses."""
    (folder / "scripts").mkdir(exist_ok=True)
    for name, source in scripts.items():
        (folder / "scripts" / name).write_text(source)
    ended = run("serve", "scripts", cwd=folder, environment={"NIGHTJAR_LISTEN": listen} | more)
    assert ended.returncode == 1, ended.stderr
    return ended.stderr


def test_all_addresses_or_none(echo, tmp_path):
    """A client that comes again and again to the first address gets no byte, because the last one is taken."""
    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as taken:
        first, second = free.getsockname()[1], taken.getsockname()[1]
        free.close()
        served, ended = [], threading.Event()

        def knock():
            while not ended.is_set():
                try:
                    with socket.create_connection(("127.0.0.1", first), 1) as client:
                        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                        served.append(client.recv(1))
                except OSError:
                    pass

        knocking = threading.Thread(target=knock)
        knocking.start()
        try:
            listen = f"ws://127.0.0.1:{first},unix:{tmp_path}/n.sock,ws://127.0.0.1:{second}"
            for _ in range(20):
                told = refused(echo, tmp_path, listen)
                assert f"ws://127.0.0.1:{second} cannot be bound: it is in use" in told
                assert not os.path.exists(f"{tmp_path}/n.sock")
        finally:
            ended.set()
            knocking.join()
        assert not any(served)


def test_both_families_on_one_port_name_the_one_that_takes_both(echo, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = refused(echo, tmp_path, f"ws://[::]:{port},ws://0.0.0.0:{port}")
    assert f"ws://0.0.0.0:{port} cannot be bound: [::] takes IPv4 on that port too" in told


async def test_any_ipv6_address_takes_ipv4_too(start, echo):
    server = start(echo, settings={"listen": "ws://127.0.0.1:0,ws://[::]:0"})
    port = int(re.search(r"ws://\[::\]:(\d+)", server.output.text)[1])
    for host in ("127.0.0.1", "[::1]"):
        async with connect(f"ws://{host}:{port}/echo") as client:
            await client.send(host)
            assert await client.recv() == host


def test_a_unix_socket_is_for_owner_and_group_and_is_not_taken_from_a_server(secure, echo, tmp_path):
    path = f"{secure.folder_of_files}/n.sock"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    told = refused(echo, tmp_path / "0", f"unix:{path}")
    assert f"unix:{path} is in use: stop the program that listens on it" in told
    # A server that was killed leaves its file, and the next one takes its place.
    secure.process.kill()
    secure.wait()
    assert os.path.exists(path)


async def test_a_stale_unix_socket_is_replaced(start, echo, tmp_path):
    path = f"{tmp_path}/s.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    start(echo, settings={"listen": f"ws://127.0.0.1:0,unix:{path}"})
    async with unix_connect(path, "ws://localhost/echo") as client:
        await client.send("again")
        assert await client.recv() == "again"


def test_wss_without_a_certificate_says_what_to_set(echo, tmp_path):
    told = refused(echo, tmp_path, "wss://127.0.0.1:0")
    assert "set `tls.certificate` and `tls.key`" in told


def test_a_close_for_a_violation_reaches_who_is_still_sending(secure):
    """The peer sends at full speed behind its bad frame; it has to see 1002 and then the end, every time."""
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", secure.secure_port), PATIENCE) as plain:
            with trusting_all().wrap_socket(plain) as client:
                client.sendall(request("/echo"))
                received = b""
                while b"\r\n\r\n" not in received:
                    received += client.recv(65_536)
                received = received.partition(b"\r\n\r\n")[2]
                client.setblocking(False)
                data, end = b"\xf1\x80\0\0\0\0" + bytes(64_000), time.monotonic() + PATIENCE
                while len(received) < 4:
                    assert time.monotonic() < end
                    try:
                        client.send(data)
                        data = bytes(64_000)
                    except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                        pass
                    try:
                        received += client.recv(65_536)
                    except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                        pass
                assert received[0] == 0x88 and int.from_bytes(received[2:4], "big") == 1002
                # Our side of the end, then the server's: close_notify, and no reset.
                client.settimeout(PATIENCE)
                while client.recv(65_536):
                    pass


MUCH = """
return { message = function(conn, count)
  for _ = 1, tonumber(count) do
    if not conn:send(("x"):rep(4096)) then break end
  end
end }
"""


async def test_one_event_may_send_more_than_the_limit(start, tmp_path):
    """The kernel takes it all at once, with TLS too: nobody is too slow."""
    certificate, key = make_certificate(tmp_path, "first")
    settings = {"listen": "ws://127.0.0.1:0,wss://127.0.0.1:0", "tls.certificate": certificate, "tls.key": key}
    settings |= {"threads.io": 1, "limits.buffered": "32KiB", "limits.buffered_soft": "16KiB"}
    server = start({"much.lua": MUCH}, settings=settings)
    port = re.search(r"wss://127\.0\.0\.1:(\d+)", server.output.text)[1]
    for url in (server.url("/much"), f"wss://127.0.0.1:{port}/much"):
        # Compressed it would be next to nothing.
        async with connect(url, ssl=trusting_all() if "wss" in url else None, compression=None) as client:
            await client.send("40")
            for _ in range(40):
                assert len(await client.recv()) == 4096
    # Peers that are gone while a script sends to them.
    for number in range(100):
        with socket.create_connection(("127.0.0.1", int(port)), PATIENCE) as plain:
            client = trusting_all().wrap_socket(plain)
            client.sendall(request("/much"))
            assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
            client.sendall(frame(TEXT, b"1000"))
            if number % 2:
                client.recv(4096)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
    server.wait_for_metric("nightjar_connections_upgraded_total", 102)
    end = time.monotonic() + PATIENCE
    while server.metrics()["nightjar_sockets"] > 0:
        assert time.monotonic() < end, "not all are gone"
        time.sleep(0.02)


def test_a_refusal_is_told_over_tls(secure):
    with socket.create_connection(("127.0.0.1", secure.secure_port), PATIENCE) as plain:
        with trusting_all().wrap_socket(plain) as client:
            client.sendall(request("/nowhere") + bytes(500_000))
            assert client.recv(65_536).startswith(b"HTTP/1.1 404 ")


def test_listen_and_port_exclude_each_other(tmp_path):
    (tmp_path / "scripts").mkdir()
    ended = run("serve", "scripts", "--port", "0", cwd=tmp_path, environment={"NIGHTJAR_LISTEN": "ws://127.0.0.1:0"})
    assert ended.returncode == 78
    assert "`port` and `listen` are both given" in ended.stderr

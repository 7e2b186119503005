#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Ways to send much and to read what comes of it, without waiting for either."""
import select
import socket
import time

from nightjar import PATIENCE
from rawclient import CLOSE, RawClient, take_frame

# A mask of zeros: what is on the wire can be read, and frames need not be made one by one.
ZERO_KEY = b"\0\0\0\0"


def zero_masked(first, payload=b""):
    """A frame of at most 125 bytes with this first byte."""
    return bytes([first, 0x80 | len(payload)]) + ZERO_KEY + payload


def flood(client, chunk, times, reads=True):
    """Sends `chunk` so many times, reading meanwhile, until all is sent or the server has ended it.

    Returns the bytes that were sent. What was read stands in `client.received`.
    """
    stream = client.socket
    stream.setblocking(False)
    sent, end = 0, time.monotonic() + PATIENCE * 2
    rest = memoryview(chunk)
    # Not `select`, which knows no descriptors above 1,023.
    poll = select.poll()
    poll.register(stream, select.POLLOUT | (select.POLLIN if reads else 0))
    try:
        while times > 0:
            assert time.monotonic() < end, f"the server takes nothing any more, after {sent} bytes"
            events = dict(poll.poll(1000)).get(stream.fileno(), 0)
            if reads and events & ~select.POLLOUT:
                data = stream.recv(1 << 16)
                if not data:
                    break
                client.received += data
            if events & ~select.POLLIN:
                count = stream.send(rest)
                sent += count
                rest = rest[count:]
                if not rest:
                    times -= 1
                    rest = memoryview(chunk)
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        stream.settimeout(PATIENCE)
    return sent


def read_close(client):
    """The code of the Close that the server sends, behind whatever else; None when the connection ends without one."""
    try:
        while (found := client.read_frame()) is not None:
            if found.opcode == CLOSE:
                return int.from_bytes(found.payload[:2], "big") if found.payload else 1005
    except ConnectionResetError:
        pass
    return None


def close_in(received):
    """The code of a Close among the frames in `received`; None without one."""
    while (found := take_frame(received)) is not None:
        if found.opcode == CLOSE:
            return int.from_bytes(found.payload[:2], "big")
    return None


def is_gone(client):
    """Whether the server has ended the connection by now; does not wait."""
    stream = client.socket
    stream.setblocking(False)
    try:
        while data := stream.recv(1 << 16):
            client.received += data
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        stream.settimeout(PATIENCE)


def upgraded(server, path, count, **options):
    """So many connections to a route."""
    return [RawClient(server.port, **options).upgrade(path) for _ in range(count)]


def connect_from(address, port):
    """A socket to the server from an address of the loopback network."""
    stream = socket.socket()
    stream.settimeout(PATIENCE)
    stream.bind((address, 0))
    stream.connect(("127.0.0.1", port))
    return stream

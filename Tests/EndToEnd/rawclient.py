#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""A WebSocket client that may break every rule: frames are bytes, and nothing is sent that a test did not ask for."""
import base64
import os
import socket
import struct
from collections import namedtuple

from nightjar import PATIENCE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

Frame = namedtuple("Frame", "opcode payload is_final")


def request(path, *fields, method="GET", version="HTTP/1.1", without=()):
    """The bytes of a good upgrade request, with these lines in place of the lines of the same name."""
    lines = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
    }
    replaced = {field.partition(":")[0] for field in fields} | set(without)
    kept = [f"{name}: {value}" for name, value in lines.items() if name not in replaced]
    return "\r\n".join([f"{method} {path} {version}", *kept, *fields, "", ""]).encode()


def frame(opcode, payload=b"", is_final=True, masked=True):
    """A frame of a client; the masking key is random."""
    length = len(payload)
    if length < 126:
        head, extended = length, b""
    elif length < 65536:
        head, extended = 126, struct.pack("!H", length)
    else:
        head, extended = 127, struct.pack("!Q", length)
    first = bytes([is_final << 7 | opcode, masked << 7 | head]) + extended
    if not masked:
        return first + payload
    key = os.urandom(4)
    stream = (key * (length // 4 + 1))[:length]
    body = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return first + key + body.to_bytes(length, "big")


class RawClient:
    """A connection whose every byte is the test's own."""

    def __init__(self, port, receive_buffer=None, send_buffer=None):
        self.socket = socket.socket()
        # The kernel fixes the window at the connect, so the sizes come first.
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if send_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.received = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def upgrade(self, path):
        self.send(request(path))
        head = self.read_head()
        assert head.startswith(b"HTTP/1.1 101 "), head
        return self

    def send(self, data):
        self.socket.sendall(data)

    def send_frame(self, opcode, payload=b"", **options):
        self.send(frame(opcode, payload, **options))

    def read_head(self):
        """The head of a response, up to its empty line."""
        while b"\r\n\r\n" not in self.received:
            assert self._receive(), f"the connection ended within a response head: {bytes(self.received)}"
        head, _, rest = bytes(self.received).partition(b"\r\n\r\n")
        self.received = bytearray(rest)
        return head

    def read_to_end(self):
        """All that the server still sends before it ends the connection."""
        while self._receive():
            pass
        return bytes(self.received)

    def read_frame(self):
        """The next frame; None at the end of the connection."""
        while (parsed := take_frame(self.received)) is None:
            if not self._receive():
                assert not self.received, "the connection ended within a frame"
                return None
        return parsed

    def ends(self):
        """Whether the connection ends here, in good order or by a reset, with nothing more to read."""
        try:
            return self.read_frame() is None
        except ConnectionResetError:
            return True

    def abort(self):
        """Ends the connection with a reset, and not with the order that TCP prefers."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _receive(self):
        data = self.socket.recv(1 << 16)
        self.received += data
        return len(data)


def take_frame(received):
    """Takes a whole frame of a server off the front of `received`; None while there is none."""
    if len(received) < 2:
        return None
    length, start = received[1] & 0x7F, 2
    if length == 126:
        start = 4
        length = int.from_bytes(received[2:4], "big")
    elif length == 127:
        start = 10
        length = int.from_bytes(received[2:10], "big")
    if len(received) < start or len(received) < start + length:
        return None
    assert received[0] & 0x70 == 0, f"a reserved bit is set: {received[0]:08b}"
    assert received[1] & 0x80 == 0, "a server's frame is masked"
    parsed = Frame(received[0] & 0x0F, bytes(received[start : start + length]), bool(received[0] & 0x80))
    del received[: start + length]
    return parsed


def close_payload(code, reason=""):
    return struct.pack("!H", code) + reason.encode()

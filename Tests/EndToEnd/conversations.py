#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Conversations and request heads by the thousand: good ones, and the same with something wrong. Each follows from its seed."""
import base64
import struct
import zlib
from dataclasses import dataclass, replace
from random import Random

from rawclient import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

LENGTHS = [0, 1, 2, 5, 17, 124, 125, 126, 127, 200, 1000, 1500]
LONG = [65535, 65536]
CHARACTERS = "aZ 0é€𐍈\u0000\uffff\ud7ff\ue000"
NOT_UTF8 = [b"\x80", b"\xc0\xaf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\xe2\x82", b"\xf0\x9f"]
CODES = [0, 999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1011, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535]


@dataclass(frozen=True)
class Draft:
    """A frame before it is written; `declared` and `form` (7, 16 or 64 bits) may lie about the payload's length."""

    opcode: int
    payload: bytes = b""
    is_final: bool = True
    reserved: int = 0
    masked: bool = True
    key: bytes = b"\0\0\0\0"
    declared: int | None = None
    form: int | None = None

    def bytes(self):
        length = len(self.payload) if self.declared is None else self.declared
        form = self.form or (7 if length < 126 else 16 if length < 65536 else 64)
        head = {7: length & 0x7F, 16: 126, 64: 127}[form]
        extended = {7: b"", 16: struct.pack("!H", length & 0xFFFF), 64: struct.pack("!Q", length)}[form]
        first = bytes([self.is_final << 7 | self.reserved << 4 | self.opcode, self.masked << 7 | head]) + extended
        if not self.masked:
            return first + self.payload
        return first + self.key + unmask(self.payload, self.key)


def unmask(payload, key):
    stream = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(payload), "big")


class Conversation:
    """What a client says after its handshake: `pieces` are what it sends at once, `data` is all of it."""

    def __init__(self, seed):
        self.seed = seed
        self.random = random = Random(seed)
        self.deflate = random.random() < 0.3
        drafts = [draft for _ in range(random.randint(1, 5)) for draft in self._message()]
        if random.random() < 0.6:
            drafts.append(self._frame(CLOSE, self._close_body()))
        for _ in range(random.choice([0, 1, 1, 2])):
            drafts = self._mutated(drafts)
        data = bytearray(b"".join(draft.bytes() for draft in drafts))
        if data and random.random() < 0.3:
            self._damage(data)
        if random.random() < 0.02:
            data += Draft(BINARY, form=64, declared=(1 << 20) + 1).bytes()[: random.randint(2, 14)]
        self.data = bytes(data)
        cuts = sorted(random.randint(0, len(data)) for _ in range(random.choice([0, 0, 1, 2, 6])))
        self.pieces = [self.data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)]) if start < end]

    def _frame(self, opcode, payload=b"", **options):
        return Draft(opcode, payload, key=self.random.randbytes(4), **options)

    def _length(self):
        return self.random.choice(LONG if self.random.random() < 0.03 else LENGTHS)

    def _text(self):
        random = self.random
        length = self._length()
        text = "".join(random.choice(CHARACTERS) for _ in range(min(length, 40))).encode()
        text += b"x" * (length - len(text))
        if random.random() < 0.1:
            at = random.randint(0, len(text))
            text = text[:at] + random.choice(NOT_UTF8) + text[at:]
        return text

    def _close_body(self):
        random = self.random
        body = struct.pack("!H", random.choice(CODES)) + random.choice([b"", b"", b"bye", "grüße".encode(), b"\xff", b"r" * 123])
        return random.choice([b"", body, body, body, body[:1]])

    def _message(self):
        random = self.random
        if random.random() < 0.25:
            return [self._frame(random.choice([PING, PONG]), random.randbytes(random.choice([0, 4, 125])))]
        opcode = random.choice([TEXT, BINARY])
        payload = self._text() if opcode == TEXT else random.randbytes(self._length())
        reserved = 0
        if self.deflate and random.random() < 0.7:
            reserved = 4
            deflater = zlib.compressobj(random.choice([0, 1, 6]), zlib.DEFLATED, -random.choice([9, 12, 15]))
            payload = (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
        count = random.choice([1, 1, 1, 2, 3, 5])
        cuts = sorted(random.randint(0, len(payload)) for _ in range(count - 1))
        frames = []
        for index, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(payload)])):
            if index and random.random() < 0.2:
                frames.append(self._frame(PING, b"between"))
            first = {"opcode": opcode, "reserved": reserved} if index == 0 else {"opcode": CONTINUATION}
            frames.append(self._frame(payload=payload[start:end], is_final=index == count - 1, **first))
        return frames

    def _mutated(self, drafts):
        random = self.random
        at = random.randrange(len(drafts))
        draft = drafts[at]
        length = len(draft.payload)
        change = random.choice(
            [
                lambda: [replace(draft, opcode=random.randrange(16))],
                lambda: [replace(draft, reserved=random.choice([4, random.randrange(8)]))],
                lambda: [replace(draft, is_final=not draft.is_final)],
                lambda: [replace(draft, masked=False)],
                lambda: [replace(draft, form=random.choice([16, 64]))],
                lambda: [replace(draft, form=64, declared=length | 1 << 63)],
                lambda: [replace(draft, form=64, declared=random.choice([1 << 20, (1 << 20) + 1, 1 << 40]))],
                lambda: [replace(draft, declared=max(length + random.choice([-1, 1, 3]), 0))],
                lambda: [replace(draft, payload=draft.payload + random.choice(NOT_UTF8))],
                lambda: [self._frame(CLOSE, self._close_body()), draft],
                lambda: [draft, draft],
                lambda: [],
            ]
        )
        return [*drafts[:at], *change(), *drafts[at + 1 :]] or drafts

    def _damage(self, data):
        random = self.random
        at = random.randrange(len(data))
        match random.randrange(3):
            case 0:
                data[at] ^= 1 << random.randrange(8)
            case 1:
                del data[at : at + random.randint(1, 8)]
            case 2:
                del data[at:]


# What a line of a head may be instead; None is no such line.
VALUES = {
    "Host": ["127.0.0.1", None, "", "a b", "a.example:80", "@", "a/b"],
    "Upgrade": ["websocket", None, "WebSocket", "h2c, websocket", "websocket, websocket", "web socket", "h2c"],
    "Connection": ["Upgrade", None, "keep-alive, Upgrade", "upgrade,", "keep-alive", ", upgrade", "up grade"],
    "Sec-WebSocket-Version": ["13", None, "8", "13, 8", "013", "13 "],
    "Sec-WebSocket-Protocol": [None, "chat", "chat, a", "chat, chat", "chat,,a", "a b", "", ","],
    "Content-Length": [None, "0", "1"],
    "Transfer-Encoding": [None, "chunked"],
    "Sec-WebSocket-Extensions": [
        None,
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16, permessage-deflate",
        'permessage-deflate; client_max_window_bits="10"',
        "permessage-deflate; unknown",
        "x-other; a=b, permessage-deflate",
        "permessage-deflate;",
        "permessage-deflate; =1",
        ",",
    ],
}


class Head:
    """A request for /echo; `lines` are its fields as they are sent."""

    def __init__(self, seed):
        self.seed = seed
        self.random = random = Random(seed)
        keys = [
            base64.b64encode(random.randbytes(16)).decode(),
            base64.b64encode(random.randbytes(16)).decode()[:-3] + "B==",
            base64.b64encode(random.randbytes(15)).decode(),
            base64.b64encode(random.randbytes(17)).decode(),
            "=" * 24,
            "",
            None,
        ]
        self.lines = []
        changed = random.sample(sorted([*VALUES, "Sec-WebSocket-Key"]), random.choice([0, 1, 1, 2, 3]))
        for name, values in (VALUES | {"Sec-WebSocket-Key": keys}).items():
            value = random.choice(values) if name in changed else values[0]
            if value is not None:
                self.lines.append(f"{random.choice([name, name, name.lower(), name.upper()])}: {value}")
        random.shuffle(self.lines)
        if random.random() < 0.15:
            self.lines.insert(random.randrange(len(self.lines) + 1), random.choice(self.lines))
        start = random.choice(["GET /echo HTTP/1.1"] * 20 + ["POST /echo HTTP/1.1", "GET /echo HTTP/1.0"])
        self.data = "\r\n".join([start, *self.lines, "", ""]).encode()

    def values(self, name):
        """The values of all lines of this name."""
        pairs = (line.split(":", 1) for line in self.lines)
        return [value.strip() for other, value in pairs if other.lower() == name.lower()]

#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""curl, as an HTTP/1.1 client that upgrades: curl_peer.py URL CERTIFICATE

Debian 12's curl has no WebSocket API. It makes the TLS connection and the request, checks the certificate, reads the 101 and
then carries bytes both ways; the frames are our own.
"""
import json
import struct
import subprocess
import sys

from rawclient import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

URL, CERTIFICATE = sys.argv[1:3]
PHRASE = "Nachtschwalbe, козодой, ヨタカ, 🌙".encode()
LARGE = bytes(range(256)) * 4096
# The key and the answer of RFC 6455, section 1.3.
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
GOODBYE = frame(CLOSE, struct.pack("!H", 4001) + b"enough")


def frames(data):
    """The (opcode, payload) of a server's unfragmented frames."""
    found = []
    while data:
        length, start = data[1] & 0x7F, 2
        if length == 126:
            length, start = struct.unpack_from("!H", data, 2)[0], 4
        elif length == 127:
            length, start = struct.unpack_from("!Q", data, 2)[0], 10
        found.append((data[0] & 0x0F, data[start : start + length]))
        data = data[start + length :]
    return found


def talk(sent, *headers):
    """Uploads these bytes behind the request; gives the answer's fields and the frames until the server closes."""
    http = "http" + URL[2:]
    fields = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}"]
    # -T sends what it reads as it is once these two fields are gone.
    fields += ["Transfer-Encoding:", "Expect:", *headers]
    command = ["curl", "-sS", "-i", "-N", "--noproxy", "*", "--http1.1", "-X", "GET", "-T", "-", "--max-time", "20"]
    command += ["--cacert", CERTIFICATE] if http.startswith("https:") else []
    for field in fields:
        command += ["-H", field]
    done = subprocess.run([*command, http], input=sent, capture_output=True, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    answer = dict(line.split(": ", 1) for line in lines)
    if not status.startswith("HTTP/1.1 101 ") or answer.get("Sec-WebSocket-Accept") != ACCEPT:
        raise RuntimeError(f"{status or 'no answer'} {done.stderr.decode().strip()}")
    return answer, frames(body)


def receives(sent, *expected):
    """The frames are these, and then the answer to our Close."""
    _, found = talk(sent + GOODBYE)
    found = [(opcode, payload[:2] if opcode == CLOSE else payload) for opcode, payload in found]
    good = found == [*expected, (CLOSE, struct.pack("!H", 4001))]
    return "ok" if good else f"FAILED: opcodes and lengths {[(opcode, len(payload)) for opcode, payload in found]}"


def server_close():
    _, found = talk(frame(BINARY, LARGE + b"!"))
    return "ok" if found and found[-1][1][:2] == struct.pack("!H", 1009) else "FAILED: no Close with 1009"


def protocol():
    answer, _ = talk(GOODBYE, "Sec-WebSocket-Protocol: nightjar.one, nightjar.two")
    return answer.get("Sec-WebSocket-Protocol", "none")


def main():
    pieces = frame(TEXT, b"frag", is_final=False) + frame(CONTINUATION, b"men", is_final=False) + frame(CONTINUATION, b"ted")
    checks = {
        "text": lambda: receives(frame(TEXT, PHRASE), (TEXT, PHRASE)),
        "binary": lambda: receives(frame(BINARY, LARGE[:256]), (BINARY, LARGE[:256])),
        "large": lambda: receives(frame(BINARY, LARGE), (BINARY, LARGE)),
        "fragmented": lambda: receives(pieces, (TEXT, b"fragmented")),
        "deflate": lambda: "not in its API",
        "ping": lambda: receives(frame(PING, b"there?"), (PONG, b"there?")),
        "client_close": lambda: receives(b""),
        "server_close": server_close,
        "protocol": protocol,
    }
    results = {}
    for name, check in checks.items():
        try:
            results[name] = check()
        except (RuntimeError, ValueError, IndexError, struct.error) as error:
            results[name] = f"FAILED: {error}"
    version = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    print(json.dumps({"version": " ".join(version.split()[:2]), "checks": results}))


main()

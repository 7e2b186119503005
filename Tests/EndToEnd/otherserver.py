#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What Python's `websockets` makes of the same bytes: its core for servers, which does no I/O, with an echo on top."""
import codecs
import logging
from collections import namedtuple

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import OP_BINARY, OP_CONT, OP_PING, OP_TEXT
from websockets.http11 import Request
from websockets.server import ServerProtocol

# `close` is the code of the Close that was sent, 1005 for one without a code, None for no Close.
Verdict = namedtuple("Verdict", "messages close pongs")

MESSAGE_LIMIT = 1 << 20


def core():
    logger = logging.getLogger("websockets.differential")
    logger.disabled = True
    # What the server asks for by default: no context is taken over.
    deflate = ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)
    return ServerProtocol(extensions=[deflate], max_size=MESSAGE_LIMIT, logger=logger)


def accepts(head, protocol=None):
    """Whether a request head is answered with 101."""
    protocol = protocol or core()
    protocol.receive_data(head)
    requests = protocol.events_received()
    if not requests or not isinstance(requests[0], Request):
        return False
    response = protocol.accept(requests[0])
    protocol.send_response(response)
    return response.status_code == 101


def verdict(head, data):
    """The messages that it takes from a conversation, and how it ends."""
    protocol = core()
    assert accepts(head, protocol)
    protocol.receive_data(data)
    messages, pongs, parts, decoder = [], [], [], None
    for frame in protocol.events_received():
        if frame.opcode == OP_PING:
            pongs.append(bytes(frame.data))
        if frame.opcode not in (OP_TEXT, OP_BINARY, OP_CONT):
            continue
        if frame.opcode != OP_CONT:
            kind, parts = frame.opcode, []
            decoder = codecs.getincrementaldecoder("utf-8")() if kind == OP_TEXT else None
        parts.append(bytes(frame.data))
        # The core leaves UTF-8 to its caller, and so does its own server: this is that server's recv().
        try:
            if decoder:
                decoder.decode(parts[-1], frame.fin)
        except UnicodeDecodeError:
            return Verdict(messages, 1007, pongs)
        if frame.fin:
            messages.append((int(kind), b"".join(parts)))
    sent = protocol.close_sent
    return Verdict(messages, sent and int(sent.code), pongs)

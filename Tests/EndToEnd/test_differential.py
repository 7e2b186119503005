#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The same bytes to this server and to Python's `websockets`: what the two make of them is the same, or listed.

NIGHTJAR_TEST_SEED=7 tries others, NIGHTJAR_TEST_CONVERSATIONS=20000 more; a failure names the seed of each one.
"""
import asyncio
import os
import re
import socket
import zlib

import pytest

import differences
import otherserver
from conversations import OFFER, Conversation, Head
from nightjar import PATIENCE, ROOT
from rawclient import CLOSE, PONG, request

DEFAULT = 6000
SEED = int(os.environ.get("NIGHTJAR_TEST_SEED", "1"))
COUNT = int(os.environ.get("NIGHTJAR_TEST_CONVERSATIONS", DEFAULT))
AT_ONCE = 32


@pytest.fixture
def peer(start, echo):
    # A verdict that comes while a script's queue is full may overtake an echo; one loop answers as it reads.
    return start(echo, settings={"threads.io": 1})


async def in_parallel(items, compare):
    """What `compare` says of each; what is different under load is looked at again alone."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def guarded(item):
        async with gate:
            return await compare(item)

    found = await asyncio.gather(*map(guarded, items))
    for index, item in enumerate(items):
        if found[index] not in (None, *differences.CONVERSATIONS, *differences.HEADS):
            found[index] = await compare(item)
    return found


async def read_frame(reader):
    """Opcode and payload of a server's frame, inflated."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length > 125:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    payload = await reader.readexactly(length)
    assert first & 0xB0 == 0x80 and second & 0x80 == 0, f"{first:08b} {second:08b}"
    if first & 0x40:
        payload = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")
    return first & 0x0F, payload


async def our_verdict(port, head, conversation, theirs):
    frames = differences.walk(conversation.data)
    awaits_close = theirs.close is not None and not differences.may_wait(frames, conversation.deflate)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    messages, close, pongs, ended = [], None, [], False
    try:
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 ") and (b"permessage-deflate" in answer) == (OFFER.encode() in head), answer
        for piece in conversation.pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        while True:
            # Our end of the conversation comes when all is there that they say, so that it overtakes nothing.
            is_all = len(messages) >= len(theirs.messages) and pongs[-1:] == theirs.pongs[-1:] and not awaits_close
            if is_all and not ended:
                ended = True
                writer.write_eof()
            opcode, payload = await read_frame(reader)
            if opcode == CLOSE:
                assert close is None, "two Closes"
                close = int.from_bytes(payload[:2], "big") if payload else 1005
            elif opcode == PONG:
                pongs.append(payload)
            else:
                messages.append((opcode, payload))
    except (asyncio.IncompleteReadError, ConnectionError):
        return otherserver.Verdict(messages, close, pongs)
    finally:
        writer.close()


def is_part(some, all_of):
    """Whether these stand among those, in their order."""
    rest = iter(all_of)
    return all(element in rest for element in some)


async def compare_conversation(port, conversation):
    """None for the same, the name of a listed difference, or what a person has to see."""
    head = request("/echo", OFFER) if conversation.deflate else request("/echo")
    theirs = otherserver.verdict(head, conversation.data)
    silence = None
    try:
        ours = await asyncio.wait_for(our_verdict(port, head, conversation, theirs), PATIENCE / 2)
    except TimeoutError:
        silence, ours = "no end", otherserver.Verdict([], None, [])
    # A pong may answer the latest of several pings (RFC 6455 section 5.5.3).
    is_same = (ours.messages, ours.close) == (theirs.messages, theirs.close)
    if silence is None and is_same and (ours.close is not None or is_part(ours.pongs, theirs.pongs)):
        return None
    frames = differences.walk(conversation.data)
    if silence is None and frames:
        for name, explains in differences.CONVERSATIONS.items():
            if explains(frames, conversation.deflate, theirs, ours):
                return name
    return (
        f"seed {conversation.seed}, {'with' if conversation.deflate else 'without'} permessage-deflate: "
        f"{silence or ''}\n  theirs: {brief(theirs)}\n  ours:   {brief(ours)}\n  bytes: {conversation.data.hex()}"
    )


def brief(verdict):
    messages = [(opcode, len(payload), payload[:20].hex()) for opcode, payload in verdict.messages]
    return f"Close {verdict.close}, messages {messages}"


async def compare_head(port, head):
    theirs = otherserver.accepts(head.data)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.data)
        writer.write_eof()
        status = (await asyncio.wait_for(reader.readline(), PATIENCE / 2)).decode()
    finally:
        writer.close()
    ours = status.startswith("HTTP/1.1 101 ")
    if ours == theirs:
        return None
    for name, (accepted, explains) in differences.HEADS.items():
        if ours == accepted and explains(head):
            return name
    return f"seed {head.seed}: theirs: {theirs}, ours: {status!r}\n  head: {head.data!r}"


def judge(found, listed):
    """Fails with what is not listed; tells how often each listed difference was met."""
    counts = {name: found.count(name) for name in listed}
    strange = [text for text in found if text is not None and text not in listed]
    assert not strange, f"{len(strange)} of {len(found)} differ:\n" + "\n".join(strange[:10])
    print(f"{found.count(None)} of {len(found)} are the same; {counts}")
    return counts


async def test_conversations_are_understood_the_same(peer):
    items = [Conversation(SEED * 1_000_000 + index) for index in range(COUNT)]
    found = await in_parallel(items, lambda item: compare_conversation(peer.port, item))
    counts = judge(found, differences.CONVERSATIONS)
    # The list has no line that is not needed.
    assert COUNT < DEFAULT or all(counts.values()), counts
    assert found.count(None) > COUNT // 2


async def test_heads_are_judged_the_same(peer):
    items = [Head(SEED * 1_000_000 + index) for index in range(COUNT // 2)]
    found = await in_parallel(items, lambda item: compare_head(peer.port, item))
    counts = judge(found, differences.HEADS)
    assert COUNT < DEFAULT or all(counts.values()), counts


def test_every_difference_is_explained():
    headings = re.findall(r"^## ([a-z-]+)$", (ROOT / "Tests/EndToEnd/differential.md").read_text(), re.MULTILINE)
    assert headings == [*differences.CONVERSATIONS, *differences.HEADS]

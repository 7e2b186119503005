#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The differences between Python's `websockets` and this server that are meant to be; differential.md says why.

Each has a predicate that holds for its class alone: for what it does not explain the test fails.
"""
import codecs
import struct
import zlib
from collections import namedtuple

from conversations import unmask
from otherserver import MESSAGE_LIMIT
from rawclient import BINARY, CLOSE, CONTINUATION, TEXT

# A frame as it lies in the bytes. `before`: how many messages end before it. `message`: the frames of the unfinished
# message that it stands in.
Walked = namedtuple("Walked", "opcode is_final reserved masked form length payload has_key is_whole before message")


def walk(data):
    """The frames in the bytes of a client; the last may be cut."""
    frames, at, before, message = [], 0, 0, []
    while at + 2 <= len(data):
        first, second = data[at], data[at + 1]
        length, form, size = second & 0x7F, 7, 2
        if length == 126:
            form, size = 16, 4
        elif length == 127:
            form, size = 64, 10
        masked = bool(second & 0x80)
        header_is_whole = at + size + 4 * masked <= len(data)
        if form != 7:
            if at + size > len(data):
                # The length is cut; the two bytes that are there may be judged.
                length = None
            else:
                length = int.from_bytes(data[at + 2 : at + size], "big")
        key = data[at + size : at + size + 4] if masked and header_is_whole else b""
        start = at + size + 4 * masked
        end = start + length if length is not None else len(data) + 1
        payload = data[start:end]
        payload = unmask(payload, key) if key else payload
        is_whole = header_is_whole and end <= len(data)
        walked = Walked(
            opcode=first & 0x0F,
            is_final=bool(first & 0x80),
            reserved=first >> 4 & 7,
            masked=masked,
            form=form,
            length=length,
            payload=payload,
            has_key=masked and header_is_whole,
            is_whole=is_whole,
            before=before,
            message=tuple(message),
        )
        frames.append(walked)
        if not is_whole:
            break
        if walked.opcode in (TEXT, BINARY, CONTINUATION):
            message = [] if walked.is_final else [*message, walked]
            before += walked.is_final
        at = end
    return frames


def has_header_fault(frame, deflate):
    """Whether the first two bytes of a frame break a rule where it stands."""
    if frame.opcode >= CLOSE:
        too_long = frame.form != 7
        return frame.opcode > 10 or frame.reserved or not frame.is_final or too_long or not frame.masked
    if frame.opcode > BINARY or not frame.masked:
        return True
    compressed = deflate and frame.reserved == 4 and frame.opcode != CONTINUATION
    return (frame.reserved and not compressed) or (frame.opcode == CONTINUATION) != bool(frame.message)


def is_compressed(frame):
    return (frame.message or (frame,))[0].reserved == 4


def same(theirs, ours):
    return theirs.messages == ours.messages


def ends_at(frame, theirs, ours):
    """Whether we took what stands before this frame, as they did."""
    return len(ours.messages) == frame.before and ours.messages == theirs.messages[: frame.before]


def length_form(frames, deflate, theirs, ours):
    def is_too_long(frame):
        return frame.length is not None and (
            frame.form == 16 and frame.length < 126 or frame.form == 64 and frame.length < 65536
        )

    return ours.close == 1002 and any(is_too_long(frame) and ends_at(frame, theirs, ours) for frame in frames)


def top_bit(frames, deflate, theirs, ours):
    is_set = any((frame.length or 0) >> 63 and ends_at(frame, theirs, ours) for frame in frames)
    return is_set and (theirs.close, ours.close) == (1009, 1002) and same(theirs, ours)


def close_within_message(frames, deflate, theirs, ours):
    def is_it(frame):
        code = struct.unpack("!H", frame.payload[:2])[0] if frame.payload else 1005
        return frame.opcode == CLOSE and frame.is_whole and frame.message and ours.close == code

    return theirs.close == 1002 and same(theirs, ours) and any(len(f.payload) != 1 and is_it(f) for f in frames)


def close_code_before_reason(frames, deflate, theirs, ours):
    def is_it(frame):
        code = int.from_bytes(frame.payload[:2], "big")
        return frame.opcode == CLOSE and frame.is_whole and not may_be_sent(code) and ends_at(frame, theirs, ours)

    return (theirs.close, ours.close) == (1007, 1002) and same(theirs, ours) and any(map(is_it, frames))


def may_be_sent(code):
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def lacks_key(frame):
    """Whether the bytes end between a frame's length and the end of its masking key."""
    return frame.length is not None and not frame.has_key


def inflates_beyond(frame, deflate):
    """Whether a frame of a compressed message is not whole, and too big for a message that is not compressed."""
    declared = sum(part.length for part in frame.message) + (frame.length or 0)
    compressed = deflate and frame.opcode <= BINARY and is_compressed(frame)
    return compressed and not frame.is_whole and declared > MESSAGE_LIMIT


def may_wait(frames, deflate):
    """Whether their Close comes from a frame of which we wait for the rest."""
    return bool(frames) and (lacks_key(frames[-1]) or inflates_beyond(frames[-1], deflate))


def size_with_key(frames, deflate, theirs, ours):
    return lacks_key(frames[-1]) and (theirs.close, ours.close) == (1009, None) and same(theirs, ours)


def inflated_size(frames, deflate, theirs, ours):
    is_it = inflates_beyond(frames[-1], deflate) and not has_header_fault(frames[-1], deflate)
    return is_it and theirs.close == 1009 and ours.close in (None, 1007) and same(theirs, ours)


def header_before_size(frames, deflate, theirs, ours):
    def is_it(frame):
        declared = sum(part.length for part in frame.message) + (frame.length or 0)
        return declared > MESSAGE_LIMIT and has_header_fault(frame, deflate) and ends_at(frame, theirs, ours)

    return (theirs.close, ours.close) == (1009, 1002) and same(theirs, ours) and any(map(is_it, frames))


def header_before_payload(frames, deflate, theirs, ours):
    last = frames[-1]
    at_once = not last.is_whole and has_header_fault(last, deflate) and ends_at(last, theirs, ours)
    return (theirs.close, ours.close) == (None, 1002) and at_once


def may_become_text(payload):
    """Whether these bytes can be the beginning of UTF-8; Python's decoder still waits behind ED A0."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(payload)
    except UnicodeDecodeError:
        return False
    rest = decoder.getstate()[0]
    return not rest or any(is_text(rest + byte * count) for byte in (b"\x80", b"\xbf") for count in (1, 2, 3))


def is_text(payload):
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def text_before_frame(frames, deflate, theirs, ours):
    def is_it(frame):
        parts = [*frame.message, frame]
        if parts[0].opcode != TEXT or frame.opcode > TEXT or not ends_at(frame, theirs, ours):
            return False
        payload = b"".join(part.payload for part in parts)
        try:
            if is_compressed(frame):
                payload = zlib.decompressobj(-15).decompress(payload)
        except zlib.error:
            return False
        return not may_become_text(payload)

    return ours.close == 1007 and same(theirs, ours) and any(map(is_it, frames))


def corrupt_deflate(frames, deflate, theirs, ours):
    """A compressed message that zlib refuses, or whose end is not the end of a block."""

    def is_it(frame):
        if not is_compressed(frame) or not ends_at(frame, theirs, ours):
            return False
        payload = b"".join(part.payload for part in [*frame.message, frame])
        inflater = zlib.decompressobj(-15)
        try:
            inflater.decompress(payload)
            if inflater.eof or not (frame.is_final and frame.is_whole):
                return inflater.eof
            # The payload ends within the head of a stored block, whose length the receiver appends: with another length the
            # block has one byte, unless what is appended was taken for something else.
            return inflater.decompress(b"\1\0\xfe\xffx") != b"x" or inflater.eof
        except zlib.error:
            return True

    return deflate and ours.close == 1007 and any(map(is_it, frames))


def compressed_continuation(frames, deflate, theirs, ours):
    def is_it(frame):
        return frame.opcode == CONTINUATION and frame.reserved == 4 and frame.message and is_compressed(frame)

    return deflate and ours.close == 1002 and any(is_it(f) and ends_at(f, theirs, ours) for f in frames)


# By the headings of differential.md.
CONVERSATIONS = {
    "length-form": length_form,
    "top-bit": top_bit,
    "close-within-message": close_within_message,
    "close-code-before-reason": close_code_before_reason,
    "size-with-key": size_with_key,
    "inflated-size": inflated_size,
    "header-before-size": header_before_size,
    "header-before-payload": header_before_payload,
    "text-before-frame": text_before_frame,
    "corrupt-deflate": corrupt_deflate,
    "compressed-continuation": compressed_continuation,
}


def elements(head, name):
    return [element.strip() for value in head.values(name) for element in value.split(",") if element.strip()]


# For heads: whether we accept, and whether the class explains it.
HEADS = {
    "host": (False, lambda head: len(head.values("host")) != 1 or head.values("host")[0] in ("", "a b", "@", "a/b")),
    "upgrade-list": (
        True,
        lambda head: len(elements(head, "upgrade")) > 1 and "websocket" in map(str.lower, elements(head, "upgrade")),
    ),
    "no-body": (True, lambda head: set(head.values("content-length")) == {"0"}),
    "repeated-protocol": (
        False,
        lambda head: len(set(elements(head, "sec-websocket-protocol"))) < len(elements(head, "sec-websocket-protocol")),
    ),
}

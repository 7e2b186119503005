#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Reads the annotations of lua-language-server (https://luals.github.io/wiki/annotations/), as strictly as it documents them."""
import re

TOKEN = re.compile(r'\s*(\.\.\.|[A-Za-z_][\w.]*|"[^"]*"|`\w+`|-?\d+|[(){}<>\[\]|?:,])')
BUILT_IN = {"any", "nil", "boolean", "string", "number", "integer", "table", "function", "thread", "userdata", "self", "true", "false"}


class Annotation:
    """What follows a tag such as `param`; `names` are the types that it speaks of."""

    def __init__(self, text):
        self.text, self.place, self.names = text, 0, []

    def peek(self):
        found = TOKEN.match(self.text, self.place)
        return found[1] if found else None

    def take(self, wanted=None):
        found = TOKEN.match(self.text, self.place)
        assert found and wanted in (None, found[1]), f"{wanted or 'a type'} is missing at {self.text[self.place:]!r}"
        self.place = found.end()
        return found[1]

    def taken(self, wanted):
        if self.peek() != wanted:
            return False
        self.take()
        return True

    def name(self):
        name = self.take()
        assert re.fullmatch(r"[A-Za-z_][\w.]*", name), f"{name!r} is no name in {self.text!r}"
        return name

    def type(self):
        self.single()
        while self.taken("|"):
            self.single()

    def single(self):
        if self.taken("("):
            self.type()
            self.take(")")
        elif self.taken("{"):
            self.list("}", lambda: self.pair(self.name))
        else:
            token = self.take()
            if token == "fun":
                self.function()
            elif token[0] not in '"`-0123456789':
                assert re.fullmatch(r"[A-Za-z_][\w.]*", token), f"{token!r} is no type in {self.text!r}"
                self.names.append(token)
                if self.taken("<"):
                    self.list(">", self.type)
        while self.peek() in ("[", "?"):
            if self.take() == "[":
                self.take("]")

    def list(self, end, element):
        while not self.taken(end):
            element()
            if not self.taken(","):
                self.take(end)
                return

    def pair(self, name):
        name()
        self.taken("?")
        self.take(":")
        self.type()

    def function(self):
        self.take("(")
        self.list(")", lambda: self.pair(self.take))
        if self.taken(":"):
            self.type()
            while self.taken(","):
                self.type()


def read(line):
    """The names of types that an annotation uses, and the one that it makes, if it does."""
    found = re.fullmatch(r"---@(\w+)(?: (.*))?", line.strip())
    assert found, f"no annotation: {line!r}"
    tag, rest = found[1], Annotation(found[2] or "")
    made = None
    if tag in ("param", "field"):
        if not rest.taken("..."):
            rest.name()
            rest.taken("?")
        rest.type()
    elif tag == "return":
        rest.type()
    elif tag == "alias":
        made = rest.name()
        rest.type()
    elif tag == "class":
        made = rest.name()
        if rest.taken(":"):
            rest.type()
    elif tag == "generic":
        made = rest.name()
    else:
        assert tag in ("meta", "async"), f"an unknown tag: {line!r}"
    return rest.names, made
